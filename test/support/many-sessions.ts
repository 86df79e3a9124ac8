import { readFileSync } from 'node:fs';

import { bucketOf } from '../../src/store/session-id.js';
import { type Application } from './application.js';
import { HOUR } from './durations.js';

const source = readFileSync(new URL('./multiply-session.lua', import.meta.url), 'utf8');
const BATCH = 10_000;

/** Gives a user of a new application `count` sessions: see `multiply-session.lua`. */
export async function createManySessions(
  app: Application,
  userId: string,
  count: number,
): Promise<void> {
  const { handle } = await app.service.createSession({ userId, expires: HOUR });
  const { base, outbox } = app.buckets.keysOf(bucketOf(userId, app.buckets.count));
  for (let done = 1; done < count; done += BATCH) {
    const copies = Math.min(BATCH, count - done);
    await app.client.eval(source, 1, outbox, base, handle.slice(2), userId, copies, done);
  }
}
