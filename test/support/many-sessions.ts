import { readFileSync } from 'node:fs';

import { bucketOf } from '../../src/store/session-id.js';
import { HOUR, type Application } from './application.js';

const source = readFileSync(new URL('./multiply-session.lua', import.meta.url), 'utf8');
const AT_ONCE = 10_000;

/** Gives the user of a fresh application so many sessions: see `multiply-session.lua`. */
export async function createManySessions(
  app: Application,
  userId: string,
  count: number,
): Promise<void> {
  const { handle } = await app.service.createSession({ userId, expires: HOUR });
  const { base, outbox } = app.store.buckets.keysOf(bucketOf(userId, app.store.buckets.count));
  for (let done = 1; done < count; done += AT_ONCE) {
    const copies = Math.min(AT_ONCE, count - done);
    await app.client.eval(source, 1, outbox, base, handle.slice(2), userId, copies, done);
  }
}
