import { setTimeout as delay } from 'node:timers/promises';

import { ChildEndedError, startProgram, type Child } from '../dev/child-process.js';
import type {
  Answer,
  ApplicationMethods,
  CommitFault,
  Operation,
  StartOptions,
} from './application/protocol.js';

const MAIN = new URL('./application/main.js', import.meta.url);
/** More than the sum of the module's own limits at shutdown (ms). */
const STOP_TIMEOUT = 25_000;
const SHOWN_LINES = 30;

/** A process of the application, as the harness sees it. */
export class ApplicationProcess {
  readonly ended: Promise<void>;
  /** Set if it ended without being asked to by the harness. */
  crashed: string | undefined;
  /** No timeouts: calls may hang while a fault lasts, and `waitUntilIdle()` reports those that still hang. */
  private readonly child: Child<ApplicationMethods> = startProgram(MAIN, { timeout: Infinity });
  private mayEnd = false;

  constructor() {
    this.ended = this.child.ended.then(({ code, signal, output }) => {
      if (this.mayEnd) return;
      const lines = output.trim().split('\n').slice(-SHOWN_LINES).join('\n');
      this.crashed = `a process ended by itself (${signal ?? code}):\n${lines}`;
    });
  }

  get running(): boolean {
    return this.child.running;
  }

  async start(options: StartOptions): Promise<void> {
    await orNull(this.child.call('start', options));
  }

  /** Returns null if the process ends before it answers. */
  perform(operation: Operation): Promise<Answer | null> {
    return orNull(this.child.call('perform', operation));
  }

  async shiftClock(ms: number): Promise<void> {
    await orNull(this.child.call('shiftClock', ms));
  }

  async block(ms: number): Promise<void> {
    await orNull(this.child.call('block', ms));
  }

  /** Resolves when the fault happens, when the process has ended, or after `timeout` ms. */
  async armCommitFault(fault: CommitFault, timeout: number): Promise<void> {
    if (fault.action === 'kill') this.mayEnd = true;
    await Promise.race([orNull(this.child.call('armCommitFault', fault)), delay(timeout)]);
  }

  async kill(): Promise<void> {
    this.mayEnd = true;
    await this.child.kill();
  }

  /** SIGTERM. Returns false if the process took too long and was killed. */
  stop(): Promise<boolean> {
    this.mayEnd = true;
    return this.child.stop(STOP_TIMEOUT);
  }
}

async function orNull<T>(call: Promise<T>): Promise<T | null> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof ChildEndedError) return null;
    throw error;
  }
}
