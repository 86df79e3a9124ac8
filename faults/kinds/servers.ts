import { setTimeout as delay } from 'node:timers/promises';

import { Cluster, type Redis } from 'ioredis';

import { PREFIX } from '../keys.js';
import type { CampaignContext, FaultKind } from '../campaign-context.js';

const redisKilled: FaultKind = {
  name: 'redis-killed',
  on: 'both',
  inject: async ({ servers, random, problems }) => {
    await servers.redisLock.hold(async () => {
      const node = random.pick(await servers.masters());
      await node.kill();
      // On a Cluster, restarts at once, before the replica is promoted. `master-killed` tests promotion.
      if (!servers.isCluster) await delay(random.between(0, 800));
      await node.restart().catch((error: unknown) => problems.push(String(error)));
    });
  },
};

async function stopPostgres({ servers, problems }: CampaignContext, ms: number): Promise<void> {
  await servers.postgresLock.hold(async () => {
    await servers.postgres.kill();
    await delay(ms);
    await servers.postgres.restart().catch((error: unknown) => problems.push(String(error)));
  });
}

const postgresKilled: FaultKind = {
  name: 'postgres-killed',
  on: 'both',
  inject: async (context) => stopPostgres(context, context.random.between(0, 300)),
};

const postgresAway: FaultKind = {
  name: 'postgres-away',
  on: 'both',
  weight: 0.5,
  inject: async (context) => stopPostgres(context, context.random.between(3_000, 7_000)),
};

/** All servers and processes are down at the same time, while sessions expire. */
const allDown: FaultKind = {
  name: 'all-down',
  on: 'both',
  weight: 0.5,
  inject: async (context) => {
    const { servers, fleet, random, problems } = context;
    await servers.redisLock.hold(() =>
      servers.postgresLock.hold(async () => {
        const all = [...servers.redisNodes, servers.postgres];
        await Promise.all([
          ...all.map((server) => server.kill()),
          ...fleet.processes.map((process) => process.kill()),
        ]);
        await delay(random.between(1_000, 3_500));
        const restarts = all.map((server) => server.restart());
        await Promise.all(restarts).catch((error: unknown) => problems.push(String(error)));
      }),
    );
    await fleet.startAll();
  },
};

/** Some or all of BullMQ's keys are deleted, as an operator might do by mistake. */
const queueDeleted: FaultKind = {
  name: 'queue-deleted',
  on: 'both',
  inject: async ({ servers, random }) => {
    const share = random.pick([1, 1, 0.5, 0.2]);
    const redis = servers.openRedis();
    try {
      await deleteKeys(redis, `{${PREFIX}:jobs}*`, () => random.chance(share));
    } catch {
      // Another fault has stopped this Redis. Some keys may have been deleted, which is also a fault.
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

const redisFull: FaultKind = {
  name: 'redis-full',
  on: 'both',
  inject: async ({ servers, random }) => {
    await servers.redisLock.hold(async () => {
      await servers.onMasters((node) => node.config('SET', 'maxmemory', '1'));
      await delay(random.between(200, 1_500));
      await servers.onMasters((node) => node.config('SET', 'maxmemory', '0'));
    });
  },
};

export const serverKinds: FaultKind[] = [
  redisKilled,
  postgresKilled,
  postgresAway,
  allDown,
  queueDeleted,
  redisFull,
];
