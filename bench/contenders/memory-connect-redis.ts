import { Redis } from 'ioredis';

import { forEachOf } from '../harness/closed-loop.js';
import type { ServerUrls } from '../harness/contender.js';
import type { Filler } from '../scenarios/memory.js';
import { openPeerStore, peerSession } from './peer-store.js';

/** The same sessions as connect-redis stores them: one value each, no indexes. */
export async function open(servers: ServerUrls): Promise<Filler> {
  const redis = new Redis(servers.redisUrl);
  await redis.flushall();
  const store = await openPeerStore(servers.redisUrl);
  let users = 0;

  return {
    async fill(count: number) {
      const first = users;
      await forEachOf(count, 64, async (i) => {
        const { id, session } = peerSession(first + i);
        await store.set(id, session);
      });
      users += count;
    },
    async keys() {
      const key = await redis.randomkey();
      return { value: Number(await redis.memory('USAGE', key!)) };
    },
  };
}
