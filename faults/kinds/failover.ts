import { setTimeout as delay } from 'node:timers/promises';

import type { PrivateServer } from '../../dev/index.js';
import { now } from '../history.js';
import type { CampaignContext, FaultKind } from '../campaign-context.js';

/** Writes acknowledged this long before the master was killed may not have reached the replica (ms). */
const MARGIN = 200;

/**
 * Kills a master, so that its replica is promoted. Half of the time, it first disconnects the replica,
 * so that every write the master acknowledges after that is certain to be lost. A wrong password of
 * the replica keeps it from reconnecting, and clients from noticing anything.
 */
async function killMaster(context: CampaignContext): Promise<void> {
  const { servers, random } = context;
  await servers.redisLock.hold(async () => {
    const master = random.pick(await servers.masters());
    const from = now();
    const replica = await servers.replicaOf(master);
    if (random.chance(0.5)) {
      await servers.on(replica, (node) => node.config('SET', 'masterauth', 'wrong'));
      await servers.on(master, (node) => node.client('KILL', 'TYPE', 'replica'));
      await delay(random.between(50, 400));
    }
    await failOver(context, master, {
      from,
      whenDead: () => servers.on(replica, (node) => node.config('SET', 'masterauth', '')),
    });
  });
}

interface FailOverSteps {
  /** Since when writes may be lost. Default: now. */
  from?: number;
  whenDead?(): Promise<unknown>;
  whenPromoted?(): Promise<unknown>;
}

/** Kills a master, waits until its replica is promoted, and restarts it as a replica. */
export async function failOver(
  { servers, damages }: CampaignContext,
  master: PrivateServer,
  { from = now(), whenDead, whenPromoted }: FailOverSteps,
): Promise<void> {
  const buckets = await servers.bucketsOf(master);
  const at = now();
  await master.kill();
  await whenDead?.();
  await servers.untilPromoted(master);
  const span = { from: from - MARGIN, at, to: now() + MARGIN };
  damages.redisLosses.push({ kind: 'failover', ...span, buckets, forgotten: null });
  await whenPromoted?.();
  await master.restart();
  await servers.untilHealthy();
}

const masterKilled: FaultKind = {
  name: 'master-killed',
  on: 'cluster',
  weight: 3,
  inject: killMaster,
};

export const failoverKinds: FaultKind[] = [masterKilled];
