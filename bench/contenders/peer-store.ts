import { randomBytes } from 'node:crypto';

import { RedisStore } from 'connect-redis';
import type { SessionData } from 'express-session';
import { createClient } from 'redis';

import { clientOf, userIdOf } from '../harness/sample-data.js';

export const TWELVE_HOURS = 12 * 60 * 60 * 1_000;

declare module 'express-session' {
  interface SessionData {
    userId: string;
    client: { ip: string; userAgent: string };
  }
}

/** connect-redis on node-redis, as its README shows. */
export async function openPeerStore(url: string): Promise<RedisStore> {
  const client = createClient({ url });
  client.on('error', (error) => console.error(error));
  await client.connect();
  return new RedisStore({ client, prefix: 'peer:' });
}

/** A session with the same content as ours, and with an ID like those of express-session. */
export function peerSession(user: number): { id: string; session: SessionData } {
  const cookie = {
    originalMaxAge: TWELVE_HOURS,
    expires: new Date(Date.now() + TWELVE_HOURS),
    httpOnly: true,
    path: '/',
  };
  const session = { cookie, userId: userIdOf(user), client: clientOf(user) };
  return { id: randomBytes(24).toString('base64url'), session };
}
