import { Redis } from 'ioredis';

import { forEachOf } from '../harness/closed-loop.js';
import type { ServerUrls } from '../harness/contender.js';
import { clientOf, userIdOf } from '../harness/sample-data.js';
import type { Filler } from '../scenarios/memory.js';
import { openApplication } from './application.js';

const SAMPLES = 1_000;
const BUCKETS = 16;

/** Our sessions, with the outbox drained. */
export async function open(servers: ServerUrls): Promise<Filler> {
  const redis = new Redis(servers.redisUrl);
  await redis.flushall();
  const { sessions, audit } = await openApplication(servers, false, { prefix: 'nsl' });
  await audit.adopt(); // the tables remember the sessions that were flushed
  let users = 0;

  return {
    async fill(count: number, perUser: number) {
      const first = users;
      await forEachOf(count, 64, async (i) => {
        const user = first + Math.floor(i / perUser);
        await sessions.createSession({ userId: userIdOf(user), client: clientOf(user) });
      });
      users += Math.ceil(count / perUser);
      await audit.flush();
    },
    async keys() {
      let [indexBytes, indexed] = [0, 0];
      for (let bucket = 0; bucket < BUCKETS; bucket += 1) {
        indexBytes += await usage(redis, `nsl:{${bucket}}:x`);
        indexed += await redis.zcard(`nsl:{${bucket}}:x`);
      }
      return {
        'session record': await averageUsage(redis, 'nsl:{*}:s:*'),
        'per-user set': await averageUsage(redis, 'nsl:{*}:u:*'),
        'expiry index, per session': indexBytes / indexed,
      };
    },
  };
}

async function averageUsage(redis: Redis, pattern: string): Promise<number> {
  let [bytes, keys, cursor] = [0, 0, '0'];
  do {
    const [next, found] = await redis.scan(cursor, 'MATCH', pattern, 'COUNT', 1_000);
    for (const key of found) bytes += await usage(redis, key);
    keys += found.length;
    cursor = next;
  } while (cursor !== '0' && keys < SAMPLES);
  return bytes / keys;
}

async function usage(redis: Redis, key: string): Promise<number> {
  return Number(await redis.memory('USAGE', key, 'SAMPLES', 0));
}
