import { setTimeout as delay } from 'node:timers/promises';

import type { Operation } from './application/protocol.js';
import type { Directory, KnownSession } from './directory.js';
import type { Fleet } from './fleet.js';
import type { FleetProcess } from './fleet-process.js';
import { now, type Call, type History } from './history.js';
import type { Random } from './random.js';

const USERS = 24;
/** Concurrent calls per process. */
const CONCURRENCY = 4;
/** With more live sessions than this, fewer are created. */
const ENOUGH_SESSIONS = 120;

/** How many ended sessions are tried at once. */
const STOLEN = 24;

type MakeOperation = (n: number) => Operation;

/** Makes mixed calls to every process, as fast as they are answered, until it is stopped. */
export class Traffic {
  private running = false;
  /** How many faults need the workers to make good a loss unaided. */
  private unaided = 0;
  private isReconciling = false;
  private loops: Promise<void>[] = [];
  private readonly unanswered = new Set<Call>();

  constructor(
    private readonly fleet: Fleet,
    private readonly directory: Directory,
    private readonly history: History,
    private readonly random: Random,
  ) {}

  start(): void {
    this.running = true;
    this.loops = this.fleet.processes.flatMap((process) =>
      Array.from({ length: CONCURRENCY }, () => this.run(process, this.random.fork())),
    );
  }

  /** Resolves when each call has been answered or its process has ended. */
  async stop(): Promise<void> {
    this.running = false;
    await Promise.all(this.loops);
  }

  /** Makes no reconciliations meanwhile. */
  async withoutReconciling<T>(work: () => Promise<T>): Promise<T> {
    this.unaided += 1;
    return work().finally(() => (this.unaided -= 1));
  }

  /** Rotates the sessions that have ended last, as whoever has stolen their IDs would try. */
  async rotateEnded(): Promise<void> {
    const ready = this.fleet.processes.filter((process) => process.ready);
    if (ready.length === 0) return;
    const process = this.random.pick(ready);
    await Promise.all(
      this.directory
        .lastEnded(STOLEN)
        .map(({ id, handle }) => this.call(process, () => ({ op: 'rotate', id, handle }))),
    );
  }

  unansweredCalls(): Call[] {
    return [...this.unanswered];
  }

  /** Makes one call, and records it before and after. */
  async call(process: FleetProcess, operation: MakeOperation): Promise<Call> {
    const call = this.history.start(process.name, operation);
    this.unanswered.add(call);
    if (call.operation.op === 'reconcile') this.isReconciling = true;
    const answer = await process.application.perform(call.operation);
    if (call.operation.op === 'reconcile') this.isReconciling = false;
    this.unanswered.delete(call);
    if (answer) this.history.end(call, answer);
    this.directory.update(call);
    return call;
  }

  private async run(process: FleetProcess, random: Random): Promise<void> {
    while (this.running) {
      if (process.ready) await this.call(process, this.draw(process, random));
      await delay(process.ready ? random.between(0, 20) : 20);
    }
  }

  private draw(process: FleetProcess, random: Random): MakeOperation {
    const userId = `user-${random.between(1, USERS)}`;
    const known = this.directory.pick(random);
    const weightOfCreate = this.directory.size < ENOUGH_SESSIONS ? 30 : 10;
    const choices: [weight: number, make: () => MakeOperation][] = [
      [known ? weightOfCreate : 100, () => create(userId, random)],
      [4, () => () => ({ op: 'list', userId })],
      [1, () => destroyAll(userId, random.chance(0.4) ? known : undefined)],
    ];
    if (process.isWorker) {
      choices.push([0.6, () => () => ({ op: 'flush' })]);
      const mayReconcile = this.unaided === 0 && !this.isReconciling;
      if (mayReconcile) choices.push([0.3, () => () => ({ op: 'reconcile' })]);
    }
    if (known) choices.push(...onSession(known, random));
    return random.pickWeighted(choices)();
  }
}

function create(userId: string, random: Random): MakeOperation {
  const lifetime = random.chance(0.35)
    ? random.between(300, 3_000)
    : random.between(20_000, 600_000);
  const until = random.chance(0.2) ? Math.floor(now()) + lifetime : undefined;
  return (n) => ({ op: 'create', userId, marker: `c${n}`, lifetime, ...(until && { until }) });
}

function onSession({ id, handle }: KnownSession, random: Random): [number, () => MakeOperation][] {
  return [
    [34, () => () => ({ op: 'validate', id, handle })],
    [8, () => () => ({ op: 'find', id, handle })],
    [6, () => (n) => ({ op: 'update', id, handle, patch: { [`f${random.between(1, 4)}`]: n } })],
    [7, () => () => ({ op: 'rotate', id, handle })],
    [12, () => (n) => ({ op: 'destroy', id, handle, actor: `c${n}` })],
    [2, () => (n) => ({ op: 'destroyByHandle', id, handle, actor: `c${n}` })],
  ];
}

function destroyAll(userId: string, except: KnownSession | undefined): MakeOperation {
  return (n) => ({
    op: 'destroyAll',
    userId,
    actor: `c${n}`,
    ...(except && { except: except.id, exceptHandle: except.handle }),
  });
}
