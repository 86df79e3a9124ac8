import { Redis } from 'ioredis';

import { closedLoop } from '../harness/closed-loop.js';
import type { Place } from '../harness/contender.js';
import type { Racer } from '../harness/in-turn.js';
import { AT_ONCE, LIVE_SESSIONS, OUR_KEY_BYTES, OUR_VALUE_BYTES } from '../scenarios/validate.js';

/** A bare GET of a value as large as ours, auto-pipelined by ioredis. */
export async function open(place: Place): Promise<Racer> {
  const redis = new Redis(place.redisUrl, { enableAutoPipelining: true });
  const keys: string[] = [];
  for (let user = 0; user < LIVE_SESSIONS; user += 1) {
    const key = `bare:${user}`.padEnd(OUR_KEY_BYTES, '.');
    await redis.set(key, 'x'.repeat(OUR_VALUE_BYTES));
    keys.push(key);
  }

  return {
    round: (ms: number) =>
      closedLoop(AT_ONCE, ms, async (turn) => {
        const value = await redis.get(keys[turn % LIVE_SESSIONS]!);
        if (value === null) throw new Error('A value was not found.');
      }),
    tidy: async () => undefined,
  };
}
