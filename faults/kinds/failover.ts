import { setTimeout as delay } from 'node:timers/promises';

import { time } from '../clock.js';
import type { World } from '../world.js';
import type { Kind } from './kind.js';

/** What a master answered this long before its end may not have reached the replica. ms */
const MARGIN = 200;

/**
 * A master is killed and its replica promoted. Half of the time the replica's link is cut first,
 * so that what the master answered since is lost for certain.
 */
async function failOver(world: World): Promise<void> {
  const { servers, random, lossWindows } = world;
  await servers.redisLock.hold(async () => {
    const master = random.pick(await servers.masters());
    const buckets = await servers.bucketsOf(master);
    const from = time() - MARGIN;
    if (random.chance(0.5)) {
      await servers.on(master, (node) => node.client('KILL', 'TYPE', 'replica'));
      await delay(random.between(50, 400));
    }
    await master.kill();
    await servers.untilPromoted(master);
    lossWindows.push({ from, to: time() + MARGIN, buckets });
    await master.restart();
    await servers.untilWhole();
  });
}

const masterKilled: Kind = { name: 'master-killed', on: 'cluster', weight: 3, strike: failOver };

export const failoverKinds: Kind[] = [masterKilled];
