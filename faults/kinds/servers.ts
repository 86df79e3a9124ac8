import { setTimeout as delay } from 'node:timers/promises';

import { Cluster, type Redis } from 'ioredis';

import { PREFIX } from '../keys.js';
import type { World } from '../world.js';
import type { Kind } from './kind.js';

const redisKilled: Kind = {
  name: 'redis-killed',
  on: 'both',
  strike: async ({ servers, random, complaints }) => {
    await servers.redisLock.hold(async () => {
      const node = random.pick(await servers.masters());
      await node.kill();
      // On a Cluster soon enough that its replica isn't promoted: that is another kind.
      if (!servers.isCluster) await delay(random.between(0, 800));
      await node.restart().catch((error: unknown) => complaints.push(String(error)));
    });
  },
};

async function takePostgresAway({ servers, complaints }: World, ms: number): Promise<void> {
  await servers.postgresLock.hold(async () => {
    await servers.postgres.kill();
    await delay(ms);
    await servers.postgres.restart().catch((error: unknown) => complaints.push(String(error)));
  });
}

const postgresKilled: Kind = {
  name: 'postgres-killed',
  on: 'both',
  strike: async (world) => takePostgresAway(world, world.random.between(0, 300)),
};

const postgresAway: Kind = {
  name: 'postgres-away',
  on: 'both',
  weight: 0.5,
  strike: async (world) => takePostgresAway(world, world.random.between(3_000, 7_000)),
};

/** Servers and processes, all gone at once, while sessions expire. */
const allDown: Kind = {
  name: 'all-down',
  on: 'both',
  weight: 0.5,
  strike: async (world) => {
    const { servers, fleet, random, complaints } = world;
    await servers.redisLock.hold(() =>
      servers.postgresLock.hold(async () => {
        const all = [...servers.redisNodes, servers.postgres];
        await Promise.all([
          ...all.map((server) => server.kill()),
          ...fleet.members.map((member) => member.kill()),
        ]);
        await delay(random.between(1_000, 3_500));
        const restarts = all.map((server) => server.restart());
        await Promise.all(restarts).catch((error: unknown) => complaints.push(String(error)));
      }),
    );
    await fleet.startAll();
  },
};

/** BullMQ's keys are deleted: all of them, or some, as an operator's mistake would. */
const queueDeleted: Kind = {
  name: 'queue-deleted',
  on: 'both',
  strike: async ({ servers, random }) => {
    const share = random.pick([1, 1, 0.5, 0.2]);
    const redis = servers.openRedis();
    try {
      await deleteKeys(redis, `{${PREFIX}:jobs}*`, () => random.chance(share));
    } catch {
      // Another fault has struck this Redis: some keys are deleted, as they were to be.
    } finally {
      redis.disconnect();
    }
  },
};

async function deleteKeys(
  redis: Redis | Cluster,
  pattern: string,
  isChosen: () => boolean,
): Promise<void> {
  for (const key of await keysOf(redis, pattern)) {
    if (isChosen()) await redis.del(key);
  }
}

async function keysOf(redis: Redis | Cluster, pattern: string): Promise<string[]> {
  if (!(redis instanceof Cluster)) return redis.keys(pattern);
  await redis.ping();
  const keys = await Promise.all(redis.nodes('master').map((node) => node.keys(pattern)));
  return keys.flat();
}

const redisFull: Kind = {
  name: 'redis-full',
  on: 'both',
  strike: async ({ servers, random }) => {
    await servers.redisLock.hold(async () => {
      await servers.onMasters((node) => node.config('SET', 'maxmemory', '1'));
      await delay(random.between(200, 1_500));
      await servers.onMasters((node) => node.config('SET', 'maxmemory', '0'));
    });
  },
};

export const serverKinds: Kind[] = [
  redisKilled,
  postgresKilled,
  postgresAway,
  allDown,
  queueDeleted,
  redisFull,
];
