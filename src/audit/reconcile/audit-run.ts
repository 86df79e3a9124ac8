import { setTimeout as delay } from 'node:timers/promises';

import { SessionError } from '../../errors.js';
import type { Buckets } from '../../store/buckets.js';
import type { NewIncident } from '../guard/incidents.js';
import type { AuditState } from './audit-state.js';

/** A paced audit pauses this many times as long as it works: a fifth of one connection's time. */
const PAUSE_PARTS = 4;
const MAX_PAUSE = 10_000; // ms
/** How long a step is tried again while Redis or Postgres doesn't answer (ms). */
const RETRY_TIMEOUT = 60_000;
const MIN_RETRY_INTERVAL = 100; // ms
const MAX_RETRY_INTERVAL = 5_000; // ms

/** Waits for some time (ms); rejects if the signal is aborted. */
export type Pause = (ms: number, signal: AbortSignal) => Promise<void>;

export interface AuditRunOptions {
  /** Stores the state after each page, together with the incidents that the page has revealed. */
  save(state: AuditState, incidents: NewIncident[]): Promise<void>;
  /** Pause after each page. */
  paced?: boolean;
  /** Stops the run before its next step. */
  signal?: AbortSignal;
  /** Called after each page. */
  onPage?(state: AuditState): void;
  /** How to pause after a page. Default: by a timer. */
  pause?: Pause;
}

/** One process's part of a comparison: its pace, and what it does if a server doesn't answer. */
export class AuditRun {
  /** Why buckets were skipped. */
  readonly errors: unknown[] = [];
  private readonly signal: AbortSignal;
  private readonly pause: Pause;

  constructor(
    readonly state: AuditState,
    private readonly buckets: Buckets,
    private readonly options: AuditRunOptions,
  ) {
    this.signal = options.signal ?? new AbortController().signal;
    this.pause = options.pause ?? ((ms, signal) => delay(ms, undefined, { signal }));
  }

  /** Does a page's work, stores how far it has come, and pauses. */
  async page(work: () => Promise<NewIncident[]>): Promise<void> {
    const start = performance.now();
    const incidents = await work();
    await this.attempt(() => this.options.save(this.state, incidents));
    this.options.onPage?.(this.state);
    if (!this.options.paced) return;
    const worked = performance.now() - start;
    await this.pause(Math.min(worked * PAUSE_PARTS, MAX_PAUSE), this.signal);
  }

  /** Repeats some work while Redis or Postgres doesn't answer, at growing intervals. */
  async attempt<T>(work: () => Promise<T>): Promise<T> {
    const deadline = performance.now() + RETRY_TIMEOUT;
    let interval = MIN_RETRY_INTERVAL;
    for (;;) {
      this.signal.throwIfAborted();
      try {
        return await work();
      } catch (error) {
        if (!isPassing(error) || performance.now() > deadline) throw error;
      }
      await delay(interval, undefined, { signal: this.signal });
      interval = Math.min(interval * 2, MAX_RETRY_INTERVAL);
    }
  }

  /** Does some work for each bucket of a page. One that fails is left out from then on. */
  async onBuckets<T>(
    groups: Map<number, T>,
    work: (bucket: number, group: T) => Promise<void>,
  ): Promise<void> {
    await Promise.all(
      [...groups].map(([bucket, group]) => this.onBucket(bucket, () => work(bucket, group))),
    );
  }

  /** Does some work for a bucket, unless that has failed before. */
  async onBucket(bucket: number, work: () => Promise<void>): Promise<void> {
    const { skipped } = this.state;
    if (skipped.includes(bucket)) return;
    try {
      await this.attempt(work);
    } catch (error) {
      this.leaveOut(error);
      if (!skipped.includes(bucket)) skipped.push(bucket);
    }
  }

  /** Notes that something could not be compared. Throws if the rest can't be either. */
  leaveOut(error: unknown): void {
    if (this.signal.aborted || this.buckets.concernsAll(error)) throw error;
    this.errors.push(error);
    this.state.isComplete = false;
  }
}

/** A server that doesn't answer now may do so in a moment. */
function isPassing(error: unknown): boolean {
  return (
    error instanceof SessionError &&
    [
      'ERR_SESSION_REDIS_UNAVAILABLE',
      'ERR_SESSION_REDIS_FULL',
      'ERR_SESSION_DATABASE_UNAVAILABLE',
    ].includes(error.code)
  );
}
