import { Redis } from 'ioredis';

import { closedLoop } from '../harness/closed-loop.js';
import type { ServerUrls } from '../harness/contender.js';
import type { Candidate } from '../harness/interleaved.js';
import {
  CONCURRENCY,
  LIVE_SESSIONS,
  OUR_KEY_BYTES,
  OUR_VALUE_BYTES,
} from '../scenarios/validate.js';

/** A bare GET of a value of the same size as ours, auto-pipelined by ioredis. */
export async function open(servers: ServerUrls): Promise<Candidate> {
  const redis = new Redis(servers.redisUrl, { enableAutoPipelining: true });
  const keys: string[] = [];
  for (let user = 0; user < LIVE_SESSIONS; user += 1) {
    const key = `bare:${user}`.padEnd(OUR_KEY_BYTES, '.');
    await redis.set(key, 'x'.repeat(OUR_VALUE_BYTES));
    keys.push(key);
  }

  return {
    round: (ms: number) =>
      closedLoop(CONCURRENCY, ms, async (turn) => {
        const value = await redis.get(keys[turn % LIVE_SESSIONS]!);
        if (value === null) throw new Error('A value is missing.');
      }),
    cleanUp: async () => undefined,
  };
}
