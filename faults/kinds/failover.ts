import { setTimeout as delay } from 'node:timers/promises';

import type { Redis } from 'ioredis';

import { time } from '../clock.js';
import type { World } from '../world.js';
import type { Kind } from './kind.js';

/** What a master answered this long before its end may not have reached the replica. ms */
const MARGIN = 200;

/**
 * A master is killed and its replica promoted. Half of the time the replica is cut off first, so
 * that what the master answered since is lost for certain.
 */
async function failOver(world: World): Promise<void> {
  const { servers, random, lossWindows } = world;
  await servers.redisLock.hold(async () => {
    const master = random.pick(await servers.masters());
    const buckets = await servers.bucketsOf(master);
    const from = time() - MARGIN;
    if (random.chance(0.5)) {
      await servers.on(master, cutOffReplica);
      await delay(random.between(50, 400));
    }
    await master.kill();
    await servers.untilPromoted(master);
    lossWindows.push({ from, to: time() + MARGIN, buckets });
    await master.restart();
    await servers.untilWhole();
  });
}

/** It would connect again at once; but it knows no password. Clients that are there need none. */
async function cutOffReplica(master: Redis): Promise<void> {
  await master.config('SET', 'requirepass', 'unknown-to-the-replica');
  await master.client('KILL', 'TYPE', 'replica');
}

const masterKilled: Kind = { name: 'master-killed', on: 'cluster', weight: 3, strike: failOver };

export const failoverKinds: Kind[] = [masterKilled];
