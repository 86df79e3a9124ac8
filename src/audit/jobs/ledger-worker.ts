import { setTimeout as delay } from 'node:timers/promises';

import { Logger } from '@nestjs/common';

import type { Buckets } from '../../store/buckets.js';
import type { Drain } from '../drain/drain.js';
import type { LedgerJob, LedgerQueue } from './ledger-queue.js';
import type { Outbox } from '../drain/outbox.js';
import type { Partitions } from './partitions.js';
import { DatabaseBackoff } from './database-backoff.js';
import type { Reconciler } from './reconciler.js';
import { waitAtMost } from '../wait-at-most.js';
import type { SessionUpkeep } from '../../store/session-upkeep.js';

/** How often the watchdog looks, ms. */
const WATCHDOG_INTERVAL = 5_000;
/** How long a start waits for Postgres, ms. */
const START_TIMEOUT = 5_000;
/** How long a shutdown waits for active jobs, ms; a batch takes tens. */
const STOP_TIMEOUT = 5_000;

const UNSUITABLE = 'ERR_SESSION_DATABASE_UNSUITABLE';

export interface LedgerWorkerParts {
  buckets: Buckets;
  outbox: Outbox;
  queue: LedgerQueue;
  drain: Drain;
  upkeep: SessionUpkeep;
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
  private readonly patience = new DatabaseBackoff(this.logger);
  private readonly stopping = new AbortController();
  private watchdog: NodeJS.Timeout | undefined;
  /** By the monotonic clock, ms. */
  private sweptAt = -Infinity;
  private watching: Promise<void> | undefined;

  constructor(private readonly parts: LedgerWorkerParts) {}

  /**
   * @throws SessionError `ERR_SESSION_DATABASE_UNSUITABLE` where the tables are missing. A Postgres
   * that is away is waited for in the background.
   */
  async start(): Promise<void> {
    const { partitions, queue } = this.parts;
    // Before the first event: at the turn of a month, the job may be a day away.
    const made = this.patience.attempt(() => partitions.runOnce(), { orThrow: UNSUITABLE });
    await Promise.race([made, delay(START_TIMEOUT, undefined, { ref: false })]);
    queue.work(
      (job) => this.run(job),
      (error) => this.logger.debug(`A job failed and will be run again: ${error.message}`),
    );
    // Not awaited: after an outage there may be minutes of work.
    this.watch();
    this.watchdog = setInterval(() => this.watch(), WATCHDOG_INTERVAL);
  }

  /** Bounded, whatever is away. */
  async stop(): Promise<void> {
    this.stopping.abort();
    clearInterval(this.watchdog);
    await Promise.all([
      this.parts.queue.stopWorking(STOP_TIMEOUT),
      waitAtMost(STOP_TIMEOUT, Promise.resolve(this.watching)),
    ]);
  }

  private async run(job: LedgerJob): Promise<void> {
    const { reconciler, partitions } = this.parts;
    if (job.name === 'drain') {
      const { bucket } = job.data;
      await this.patience.attempt(() => this.drain(bucket));
    }
    if (job.name === 'sweep') await this.sweep((bucket) => this.parts.queue.wake(bucket));
    if (job.name === 'partitions') await this.patience.attempt(() => partitions.runOnce());
    if (job.name === 'reconcile') {
      await this.patience.attempt(async () => {
        await this.sweep((bucket) => this.drain(bucket));
        await reconciler.runOnce();
      });
    }
  }

  private drain(bucket: number): Promise<unknown> {
    return this.parts.drain.drainBucket(bucket, { signal: this.stopping.signal });
  }

  /**
   * A worker that was killed in mid-job keeps its job's place in the queue until BullMQ finds it
   * stalled, which takes up to a minute. The bucket's events don't wait for that.
   */
  private async drainOverdue(): Promise<void> {
    const { buckets, outbox } = this.parts;
    for (let bucket = 0; bucket < buckets.count; bucket += 1) {
      const age = await outbox.oldestAge(bucket, await buckets.readTime(bucket));
      if (age !== null && age > WATCHDOG_INTERVAL) await this.drain(bucket);
    }
  }

  /** Ends what is due, then passes on each bucket whose outbox isn't empty. */
  private async sweep(pass: (bucket: number) => Promise<unknown>): Promise<void> {
    const { upkeep, buckets, outbox } = this.parts;
    await upkeep.sweepAll();
    this.sweptAt = performance.now();
    for (let bucket = 0; bucket < buckets.count; bucket += 1) {
      if ((await outbox.length(bucket)) > 0) await pass(bucket);
    }
  }

  /** One look at a time: while Postgres gives no answer, one takes long. */
  private watch(): void {
    this.watching ??= this.lookAfter().finally(() => (this.watching = undefined));
  }

  /** Does the upkeep itself where no job has done it for a while. */
  private async lookAfter(): Promise<void> {
    const { queue, upkeep } = this.parts;
    try {
      // Its calls wait for as long as Redis is away; the sweep must not.
      await waitAtMost(WATCHDOG_INTERVAL, queue.schedule());
      if (performance.now() - this.sweptAt > WATCHDOG_INTERVAL) await upkeep.sweepAll();
      await this.patience.attempt(() => this.drainOverdue());
    } catch (error) {
      this.logger.debug(
        `The watchdog will look again in ${WATCHDOG_INTERVAL} ms: ${String(error)}`,
      );
    }
  }
}
