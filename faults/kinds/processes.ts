import { setTimeout as delay } from 'node:timers/promises';

import type { CommitFault } from '../application/protocol.js';
import type { CampaignContext, FaultKind } from '../campaign-context.js';
import type { FleetProcess } from '../fleet-process.js';

/** How long to wait for a drain in whose commit the fault can happen (ms). */
const COMMIT_TIMEOUT = 3_000;

async function killAndReplace(process: FleetProcess, { random }: CampaignContext): Promise<void> {
  await process.kill();
  await delay(random.between(0, 300));
  void process.start();
}

/** Usually kills the process; sometimes shuts it down gracefully, as a deployment does. */
async function endAndReplace(process: FleetProcess, context: CampaignContext): Promise<void> {
  if (context.random.chance(0.2)) {
    await process.start();
    await process.stop();
    void process.start();
  } else {
    await killAndReplace(process, context);
  }
}

const appKilled: FaultKind = {
  name: 'app-killed',
  on: 'both',
  inject: async (context) => endAndReplace(context.random.pick(context.fleet.web), context),
};

const workerKilled: FaultKind = {
  name: 'worker-killed',
  on: 'both',
  inject: async (context) => endAndReplace(context.random.pick(context.fleet.workers), context),
};

/** A worker kills itself at this point of its next drain. */
function workerKilledAt(point: CommitFault['point']): FaultKind {
  return {
    name: `worker-killed-${point}`,
    on: 'both',
    inject: async (context) => {
      const worker = context.random.pick(context.fleet.workers);
      await worker.start();
      const fault = { point, action: 'kill', ms: 0 } as const;
      const killed = worker.application.armCommitFault(fault, COMMIT_TIMEOUT);
      void context.traffic.call(worker, () => ({ op: 'flush' }));
      await killed;
      await killAndReplace(worker, context);
    },
  };
}

/** A worker is blocked in a drain for longer than its BullMQ lock, so that another takes the job. */
const loopBlocked: FaultKind = {
  name: 'loop-blocked',
  on: 'both',
  inject: async ({ fleet, random }) => {
    const { isWorker, application } = random.pick(fleet.processes);
    const ms = random.between(1_500, 3_500);
    if (!isWorker || random.chance(0.3)) {
      void application.block(ms);
    } else {
      const point = random.pick(['before-commit', 'after-commit'] as const);
      await application.armCommitFault({ point, action: 'block', ms }, COMMIT_TIMEOUT);
    }
    await delay(ms + 100);
  },
};

/** Two workers drain the same buckets at the same time, and one of them pauses around its commit. */
const twoDrainers: FaultKind = {
  name: 'two-drainers',
  on: 'both',
  inject: async ({ fleet, random, traffic }) => {
    const [slow, other] = random.chance(0.5) ? fleet.workers : fleet.workers.toReversed();
    await fleet.startAll();
    const ms = random.between(100, 1_000);
    const point = random.pick(['before-commit', 'after-commit'] as const);
    void slow!.application.armCommitFault({ point, action: 'pause', ms }, COMMIT_TIMEOUT);
    const flushes = [slow!, other!, other!].map(async (worker, i) => {
      await delay(i * 20);
      await traffic.call(worker, () => ({ op: 'flush' }));
    });
    await Promise.race([Promise.all(flushes), delay(ms + 1_000)]);
  },
};

/** Creates a session, which must work even though the clock of the process is wrong. */
async function checkCreation(process: FleetProcess, context: CampaignContext): Promise<void> {
  const { traffic, activeKinds, problems } = context;
  const isOnlyFault = () => activeKinds.every((kind) => kind === 'clock-wrong') && process.ready;
  for (let attempt = 0; attempt < 8; attempt += 1) {
    const userId = `user-of-${process.name}`;
    const call = await traffic.call(process, (n) => {
      return { op: 'create', userId, marker: `c${n}`, lifetime: 1_000 };
    });
    if (!isOnlyFault() || call.answer?.ok || call.answer?.code === 'ERR_SESSION_BACKLOG') return;
    await delay(200);
  }
  problems.push(`${process.name} creates no sessions while its clock is wrong`);
}

/** The clock of a process is an hour off, either from its start or suddenly. */
const clockWrong: FaultKind = {
  name: 'clock-wrong',
  on: 'both',
  inject: async (context) => {
    const { fleet, random } = context;
    const process = random.pick(fleet.processes);
    const shift = random.pick([-3_600_000, 3_600_000]);
    process.options.clockShift = shift;
    if (random.chance(0.3)) await killAndReplace(process, context);
    else void process.application.shiftClock(shift);
    await delay(random.between(300, 1_500));
    await checkCreation(process, context);
    process.options.clockShift = 0;
    void process.application.shiftClock(0);
  },
};

export const processKinds: FaultKind[] = [
  appKilled,
  workerKilled,
  workerKilledAt('before-commit'),
  workerKilledAt('inside-commit'),
  workerKilledAt('after-commit'),
  loopBlocked,
  twoDrainers,
  clockWrong,
];
