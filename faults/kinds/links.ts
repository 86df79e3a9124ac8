import { setTimeout as delay } from 'node:timers/promises';

import type { Link } from '../link.js';
import type { World } from '../world.js';
import type { Kind } from './kind.js';

/** The links of one process, or of all. */
function drawLinks({ fleet, random }: World, of: 'redis' | 'any'): Link[] {
  const members = random.chance(0.6) ? [random.pick(fleet.members)] : fleet.members;
  const which = of === 'redis' ? 'redis' : random.pick(['redis', 'postgres', 'both'] as const);
  return members.flatMap((member) => [
    ...(which === 'postgres' ? [] : member.redisLinks),
    ...(which === 'redis' ? [] : [member.postgresLink]),
  ]);
}

function undoAll(undo: (() => void)[]): void {
  for (const each of undo) each();
}

/** Redis does what it was asked, its replies never come, and the connection ends: ioredis asks again. */
const repliesDropped: Kind = {
  name: 'replies-dropped',
  on: 'both',
  strike: async (world) => {
    const undo = drawLinks(world, 'redis').map((link) => link.mute());
    await delay(world.random.between(5, 400));
    undoAll(undo);
  },
};

const connectionsCut: Kind = {
  name: 'connections-cut',
  on: 'both',
  strike: async (world) => {
    const links = drawLinks(world, 'any');
    for (let left = world.random.between(1, 4); left > 0; left -= 1) {
      for (const link of links) link.cut();
      await delay(world.random.between(5, 150));
    }
  },
};

const slowLink: Kind = {
  name: 'slow-link',
  on: 'both',
  strike: async (world) => {
    const links = drawLinks(world, 'any');
    const latency = world.random.between(30, 900);
    for (const link of links) link.latency = latency;
    await delay(world.random.between(300, 2_000));
    for (const link of links) link.latency = 0;
  },
};

/**
 * The connections that are there go dead, and neither end hears of it until the round is over, as
 * in life it may not for hours. New connections work. At times it is the one to Postgres in the
 * middle of a drain, whose locks Postgres then goes on holding.
 */
const halfOpen: Kind = {
  name: 'half-open',
  on: 'both',
  strike: async (world) => {
    const { random, fleet, undoAfterCheck } = world;
    if (random.chance(0.3)) {
      const worker = random.pick(fleet.workers);
      await worker.start();
      worker.process.send({ type: 'aim', point: 'before-commit', act: 'pause', ms: 300 });
      await worker.process.hit(2_000);
      undoAfterCheck.push(worker.postgresLink.freeze());
    } else {
      undoAfterCheck.push(...drawLinks(world, 'any').map((link) => link.freeze()));
    }
    await delay(random.between(300, 1_500));
  },
};

export const linkKinds: Kind[] = [repliesDropped, connectionsCut, slowLink, halfOpen];
