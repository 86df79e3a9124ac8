import { setTimeout as delay } from 'node:timers/promises';

import type { Redis } from 'ioredis';

import { now } from '../history.js';
import type { CampaignContext, FaultKind } from '../campaign-context.js';

/** Writes acknowledged this long before the master was killed may not have reached the replica (ms). */
const MARGIN = 200;

/**
 * Kills a master, so that its replica is promoted. Half of the time, it first disconnects the replica,
 * so that every write the master acknowledges after that is certain to be lost.
 */
async function failOver(context: CampaignContext): Promise<void> {
  const { servers, random, lossWindows } = context;
  await servers.redisLock.hold(async () => {
    const master = random.pick(await servers.masters());
    const buckets = await servers.bucketsOf(master);
    const from = now() - MARGIN;
    if (random.chance(0.5)) {
      await servers.on(master, disconnectReplica);
      await delay(random.between(50, 400));
    }
    await master.kill();
    await servers.untilPromoted(master);
    lossWindows.push({ from, to: now() + MARGIN, buckets });
    await master.restart();
    await servers.untilHealthy();
  });
}

/** A new password keeps the replica from reconnecting. Clients that are connected don't need it. */
async function disconnectReplica(master: Redis): Promise<void> {
  await master.config('SET', 'requirepass', 'unknown-to-the-replica');
  await master.client('KILL', 'TYPE', 'replica');
}

const masterKilled: FaultKind = {
  name: 'master-killed',
  on: 'cluster',
  weight: 3,
  inject: failOver,
};

export const failoverKinds: FaultKind[] = [masterKilled];
