import { Logger } from '@nestjs/common';

import type { SessionStore } from '../store/session-store.js';
import type { Drain } from './drain.js';
import type { LedgerJob, LedgerQueue } from './ledger-queue.js';
import type { Outbox } from './outbox.js';
import type { Partitions } from './partitions.js';
import { PostgresPatience } from './postgres-patience.js';
import type { Reconciler } from './reconciler.js';
import type { Sweeper } from './sweeper.js';

/** How often the watchdog looks, ms. */
const WATCH = 5_000;
/** How long a shutdown waits for active jobs, ms. */
const STOP_TIMEOUT = 10_000;

const UNSUITABLE = 'ERR_SESSION_DATABASE_UNSUITABLE';

export interface LedgerWorkerParts {
  store: SessionStore;
  outbox: Outbox;
  queue: LedgerQueue;
  drain: Drain;
  sweeper: Sweeper;
  reconciler: Reconciler;
  partitions: Partitions;
}

/**
 * Runs the ledger's jobs in this process. BullMQ spreads them over the processes; a watchdog sees
 * to it that they also run when BullMQ doesn't: its queue deleted, its schedule lost, the clock
 * of the process that scheduled last an hour ahead.
 */
export class LedgerWorker {
  private readonly logger = new Logger('SessionLedger');
  private readonly patience = new PostgresPatience(this.logger);
  private watchdog: NodeJS.Timeout | undefined;
  /** By the monotonic clock, ms. */
  private sweptAt = -Infinity;
  private watching: Promise<void> = Promise.resolve();

  constructor(private readonly parts: LedgerWorkerParts) {}

  /**
   * @throws SessionError `ERR_SESSION_DATABASE_UNSUITABLE` where the tables are missing. A Postgres
   * that is away is waited for in the background.
   */
  async start(): Promise<void> {
    const { partitions, queue } = this.parts;
    // Before the first event: at the turn of a month, the job may be a day away.
    await this.patience.attempt(() => partitions.runOnce(), { orThrow: UNSUITABLE });
    queue.work(
      (job) => this.run(job),
      (error) => this.logger.debug(`A job failed and will be run again: ${error.message}`),
    );
    // Not awaited: after an outage there may be minutes of work.
    this.watching = this.watch();
    this.watchdog = setInterval(() => {
      this.watching = this.watch();
    }, WATCH);
  }

  async stop(): Promise<void> {
    clearInterval(this.watchdog);
    await this.watching;
    await this.parts.queue.stopWorking(STOP_TIMEOUT);
  }

  private async run(job: LedgerJob): Promise<void> {
    const { drain, reconciler, partitions } = this.parts;
    if (job.name === 'drain') {
      const { bucket } = job.data;
      await this.patience.attempt(() => drain.drainBucket(bucket));
    }
    if (job.name === 'sweep') await this.sweep((bucket) => this.parts.queue.wake(bucket));
    if (job.name === 'partitions') await this.patience.attempt(() => partitions.runOnce());
    if (job.name === 'reconcile') {
      await this.patience.attempt(async () => {
        await this.sweep((bucket) => drain.drainBucket(bucket));
        await reconciler.runOnce();
      });
    }
  }

  /**
   * A worker that was killed in mid-job keeps its job's place in the queue until BullMQ finds it
   * stalled, which takes up to a minute. The bucket's events don't wait for that.
   */
  private async drainOverdue(): Promise<void> {
    const { store, outbox, drain } = this.parts;
    for (let bucket = 0; bucket < store.buckets; bucket += 1) {
      const age = await outbox.oldestAge(bucket, await store.readTime(bucket));
      if (age !== null && age > WATCH) await drain.drainBucket(bucket);
    }
  }

  /** Ends what is due, then passes on each bucket whose outbox isn't empty. */
  private async sweep(pass: (bucket: number) => Promise<unknown>): Promise<void> {
    const { sweeper, store, outbox } = this.parts;
    await sweeper.runOnce();
    this.sweptAt = performance.now();
    for (let bucket = 0; bucket < store.buckets; bucket += 1) {
      if ((await outbox.length(bucket)) > 0) await pass(bucket);
    }
  }

  /** Does the upkeep itself where no job has done it for a while. */
  private async watch(): Promise<void> {
    const { queue, sweeper } = this.parts;
    try {
      if (performance.now() - this.sweptAt > WATCH) await sweeper.runOnce();
      await this.patience.attempt(() => this.drainOverdue());
      await queue.schedule();
    } catch (error) {
      this.logger.debug(`The watchdog will look again in ${WATCH} ms: ${String(error)}`);
    }
  }
}
