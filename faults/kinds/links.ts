import { setTimeout as delay } from 'node:timers/promises';

import type { Link } from '../link.js';
import type { CampaignContext, FaultKind } from '../campaign-context.js';

/** The links of one process or all processes to Redis, Postgres or both. */
function pickLinks({ fleet, random }: CampaignContext, of: 'redis' | 'any'): Link[] {
  const processes = random.chance(0.6) ? [random.pick(fleet.processes)] : fleet.processes;
  const which = of === 'redis' ? 'redis' : random.pick(['redis', 'postgres', 'both'] as const);
  return processes.flatMap((process) => [
    ...(which === 'postgres' ? [] : process.redisLinks),
    ...(which === 'redis' ? [] : [process.postgresLink]),
  ]);
}

/** Redis executes commands, but its replies are lost. When the connection closes, ioredis sends them again. */
const repliesDropped: FaultKind = {
  name: 'replies-dropped',
  on: 'both',
  inject: async (context) => {
    const undos = pickLinks(context, 'redis').map((link) => link.dropReplies());
    await delay(context.random.between(5, 400));
    for (const undo of undos) undo();
  },
};

const connectionsCut: FaultKind = {
  name: 'connections-cut',
  on: 'both',
  inject: async (context) => {
    const links = pickLinks(context, 'any');
    for (let left = context.random.between(1, 4); left > 0; left -= 1) {
      for (const link of links) link.dropConnections();
      await delay(context.random.between(5, 150));
    }
  },
};

const slowLink: FaultKind = {
  name: 'slow-link',
  on: 'both',
  inject: async (context) => {
    const links = pickLinks(context, 'any');
    const latency = context.random.between(30, 900);
    for (const link of links) link.latency = latency;
    await delay(context.random.between(300, 2_000));
    for (const link of links) link.latency = 0;
  },
};

/**
 * Connections hang, and neither end notices until the end of the round. In production, this can
 * take hours. New connections work. Sometimes it is a worker's connection to Postgres in the middle of
 * a drain, and Postgres keeps the drain's locks.
 */
const halfOpen: FaultKind = {
  name: 'half-open',
  on: 'both',
  inject: async (context) => {
    const { random, fleet, undoAfterCheck } = context;
    if (random.chance(0.3)) {
      const worker = random.pick(fleet.workers);
      await worker.start();
      const fault = { point: 'before-commit', action: 'pause', ms: 300 } as const;
      await worker.application.armCommitFault(fault, 2_000);
      undoAfterCheck.push(worker.postgresLink.freeze());
    } else {
      undoAfterCheck.push(...pickLinks(context, 'any').map((link) => link.freeze()));
    }
    await delay(random.between(300, 1_500));
  },
};

export const linkKinds: FaultKind[] = [repliesDropped, connectionsCut, slowLink, halfOpen];
