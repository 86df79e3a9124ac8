import { createHash, randomBytes } from 'node:crypto';

import { Redis } from 'ioredis';

import { closedLoop } from '../harness/closed-loop.js';
import type { Place } from '../harness/contender.js';
import type { Racer } from '../harness/in-turn.js';
import { clientOf, userIdOf } from '../harness/sample.js';
import { AT_ONCE } from '../scenarios/create.js';
import { bareCreate } from './bare-create.js';

const TWELVE_HOURS = 12 * 60 * 60 * 1_000;
const BUCKETS = 16;

/** A script that writes the same keys and values as ours. Auto-pipelined it is half as fast. */
export async function open(place: Place): Promise<Racer> {
  const redis = new Redis(place.redisUrl);
  const sha1 = createHash('sha1').update(bareCreate).digest('hex');
  await redis.script('LOAD', bareCreate);

  const createSession = (user: number) => {
    const bucket = user % BUCKETS;
    const base = `bare:{${bucket}}:`;
    const digest = randomBytes(32).toString('base64url');
    const userId = userIdOf(user);
    const { ip, userAgent } = clientOf(user);
    const now = Date.now();
    const ends = now + TWELVE_HOURS;
    return redis.evalsha(
      sha1,
      4,
      `${base}s:${digest}`,
      `${base}u:${userId}`,
      `${base}x`,
      `${base}o`,
      `${userId}\x1f${now}\x1f\x1f${ends}\x1f\x1f\x1f${ip}\x1f${userAgent}`,
      ends,
      digest,
      `${digest}:${now}:${userId}`,
      `created\x1f${digest}\x1f${now}\x1f${userId}\x1f${now}\x1f${ends}\x1f\x1f\x1f${ip}\x1f${userAgent}`,
    );
  };

  let user = 0;
  return {
    round: (ms: number) => closedLoop(AT_ONCE, ms, () => createSession((user += 1))),
    tidy: async () => {
      for (let bucket = 0; bucket < BUCKETS; bucket += 1) await redis.del(`bare:{${bucket}}:o`);
    },
  };
}
