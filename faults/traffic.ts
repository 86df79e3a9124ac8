import { setTimeout as delay } from 'node:timers/promises';

import type { Operation } from './application/protocol.js';
import { time } from './clock.js';
import type { Directory, KnownSession } from './directory.js';
import type { Fleet } from './fleet.js';
import type { Call, History } from './history.js';
import type { Member } from './member.js';
import type { Random } from './random.js';

const USERS = 24;
/** Calls under way at one process. */
const SLOTS = 4;
/** Live sessions beyond which fewer begin. */
const ENOUGH = 120;

type Make = (n: number) => Operation;

/** Mixed calls at every process, as fast as they are answered, until it is stopped. */
export class Traffic {
  private going = false;
  private slots: Promise<void>[] = [];
  private readonly waiting = new Set<Call>();

  constructor(
    private readonly fleet: Fleet,
    private readonly directory: Directory,
    private readonly history: History,
    private readonly random: Random,
  ) {}

  start(): void {
    this.going = true;
    this.slots = this.fleet.members.flatMap((member) =>
      Array.from({ length: SLOTS }, () => this.run(member, this.random.fork())),
    );
  }

  /** Resolves when the last call was answered, or its process has ended. */
  async stop(): Promise<void> {
    this.going = false;
    await Promise.all(this.slots);
  }

  /** Calls that wait for their answers. */
  underWay(): Call[] {
    return [...this.waiting];
  }

  /** One call, noted before and after. */
  async call(member: Member, make: Make): Promise<Call> {
    const call = this.history.begin(member.name, make);
    this.waiting.add(call);
    const answer = await member.process.call(call.n, call.operation);
    this.waiting.delete(call);
    if (answer) this.history.end(call, answer);
    this.directory.learn(call);
    return call;
  }

  private async run(member: Member, random: Random): Promise<void> {
    while (this.going) {
      if (member.ready) await this.call(member, this.draw(member, random));
      await delay(member.ready ? random.between(0, 20) : 20);
    }
  }

  private draw(member: Member, random: Random): Make {
    const userId = `user-${random.between(1, USERS)}`;
    const known = this.directory.pick(random);
    const begins = this.directory.size < ENOUGH ? 30 : 10;
    const kinds: [number, () => Make][] = [
      [known ? begins : 100, () => create(userId, random)],
      [4, () => () => ({ op: 'list', userId })],
      [1, () => destroyAll(userId, random.chance(0.4) ? known : undefined)],
    ];
    if (member.isWorker) {
      kinds.push([0.6, () => () => ({ op: 'flush' })], [0.3, () => () => ({ op: 'reconcile' })]);
    }
    if (known) kinds.push(...onSession(known, random));
    return random.weighed(kinds)();
  }
}

function create(userId: string, random: Random): Make {
  const lifetime = random.chance(0.35)
    ? random.between(300, 3_000)
    : random.between(20_000, 600_000);
  const until = random.chance(0.2) ? Math.floor(time()) + lifetime : undefined;
  return (n) => ({ op: 'create', userId, marker: `c${n}`, lifetime, ...(until && { until }) });
}

function onSession({ id, handle }: KnownSession, random: Random): [number, () => Make][] {
  return [
    [34, () => () => ({ op: 'validate', id, handle })],
    [8, () => () => ({ op: 'find', id, handle })],
    [6, () => (n) => ({ op: 'update', id, handle, patch: { [`f${random.between(1, 4)}`]: n } })],
    [7, () => () => ({ op: 'rotate', id, handle })],
    [12, () => (n) => ({ op: 'destroy', id, handle, actor: `c${n}` })],
    [2, () => (n) => ({ op: 'destroyByHandle', id, handle, actor: `c${n}` })],
  ];
}

function destroyAll(userId: string, spared: KnownSession | undefined): Make {
  return (n) => ({
    op: 'destroyAll',
    userId,
    actor: `c${n}`,
    ...(spared && { except: spared.id, exceptHandle: spared.handle }),
  });
}
