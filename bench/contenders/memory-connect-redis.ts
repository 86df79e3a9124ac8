import { Redis } from 'ioredis';

import { forEachOf } from '../harness/closed-loop.js';
import type { Place } from '../harness/contender.js';
import type { Keeper } from '../scenarios/memory.js';
import { openPeerStore, peerSession } from './peer-store.js';

/** The same sessions as connect-redis keeps them: a value each, and no index of any kind. */
export async function open(place: Place): Promise<Keeper> {
  const redis = new Redis(place.redisUrl);
  await redis.flushall();
  const store = await openPeerStore(place.redisUrl);
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
      return { 'a value': Number(await redis.memory('USAGE', key!)) };
    },
  };
}
