import { setTimeout as delay } from 'node:timers/promises';

import type { AimPoint } from '../application/protocol.js';
import type { Member } from '../member.js';
import type { World } from '../world.js';
import type { Kind } from './kind.js';

/** How long an aimed fault waits for a drain to come by, ms. */
const AIM_PATIENCE = 3_000;

async function killAndReplace(member: Member, { random }: World): Promise<void> {
  await member.kill();
  await delay(random.between(0, 300));
  void member.start();
}

/** A kill mostly; at times an orderly stop, as a deployment does. */
async function end(member: Member, world: World): Promise<void> {
  if (world.random.chance(0.2)) {
    await member.start();
    await member.stop();
    void member.start();
  } else {
    await killAndReplace(member, world);
  }
}

const appKilled: Kind = {
  name: 'app-killed',
  on: 'both',
  strike: async (world) => end(world.random.pick(world.fleet.web), world),
};

const workerKilled: Kind = {
  name: 'worker-killed',
  on: 'both',
  strike: async (world) => end(world.random.pick(world.fleet.workers), world),
};

/** A worker kills itself at a chosen step of its next drain. */
function killedAt(point: AimPoint): Kind {
  return {
    name: `worker-killed-${point}`,
    on: 'both',
    strike: async (world) => {
      const member = world.random.pick(world.fleet.workers);
      await member.start();
      const { process } = member;
      process.send({ type: 'aim', point, act: 'kill', ms: 0 });
      void world.traffic.call(member, () => ({ op: 'flush' }));
      await process.hit(AIM_PATIENCE);
      await killAndReplace(member, world);
    },
  };
}

/** A worker hangs in mid-drain for longer than its lock in BullMQ, so that another takes the job. */
const loopBlocked: Kind = {
  name: 'loop-blocked',
  on: 'both',
  strike: async ({ fleet, random }) => {
    const member = random.pick(fleet.members);
    const { process } = member;
    const ms = random.between(1_500, 3_500);
    if (!member.isWorker || random.chance(0.3)) {
      process.send({ type: 'block', ms });
    } else {
      const point = random.pick(['before-commit', 'after-commit'] as const);
      process.send({ type: 'aim', point, act: 'block', ms });
      await process.hit(AIM_PATIENCE);
    }
    await delay(ms + 100);
  },
};

/** Two workers drain the same buckets at once, and one of them dawdles around its commit. */
const twoDrainers: Kind = {
  name: 'two-drainers',
  on: 'both',
  strike: async ({ fleet, random, traffic }) => {
    const [slow, other] = random.chance(0.5) ? fleet.workers : fleet.workers.toReversed();
    await fleet.startAll();
    const ms = random.between(100, 1_000);
    const point = random.pick(['before-commit', 'after-commit'] as const);
    slow!.process.send({ type: 'aim', point, act: 'pause', ms });
    const flushes = [slow!, other!, other!].map(async (member, i) => {
      await delay(i * 20);
      await traffic.call(member, () => ({ op: 'flush' }));
    });
    await Promise.race([Promise.all(flushes), delay(ms + 1_000)]);
  },
};

/** Sessions must not care: where nothing else is wrong, they begin. */
async function checkIndifference(member: Member, world: World): Promise<void> {
  const { traffic, reigning, complaints } = world;
  const isAlone = () => reigning.length === 1 && member.ready;
  for (let tries = 0; tries < 8; tries += 1) {
    const userId = `user-of-${member.name}`;
    const call = await traffic.call(member, (n) => {
      return { op: 'create', userId, marker: `c${n}`, lifetime: 1_000 };
    });
    if (!isAlone() || call.answer?.ok || call.answer?.code === 'ERR_SESSION_BACKLOG') return;
    await delay(200);
  }
  complaints.push(`${member.name} begins no sessions while its clock is wrong`);
}

/** An application process whose clock is an hour off: from its start, or all of a sudden. */
const clockWrong: Kind = {
  name: 'clock-wrong',
  on: 'both',
  strike: async (world) => {
    const { fleet, random } = world;
    const member = random.pick(fleet.members);
    const shift = random.pick([-3_600_000, 3_600_000]);
    member.options.clockShift = shift;
    if (random.chance(0.3)) await killAndReplace(member, world);
    else member.process.send({ type: 'clock', shift });
    await delay(random.between(300, 1_500));
    await checkIndifference(member, world);
    member.options.clockShift = 0;
    member.process.send({ type: 'clock', shift: 0 });
  },
};

export const processKinds: Kind[] = [
  appKilled,
  workerKilled,
  killedAt('before-commit'),
  killedAt('inside-commit'),
  killedAt('after-commit'),
  loopBlocked,
  twoDrainers,
  clockWrong,
];
