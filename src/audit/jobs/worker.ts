import { setTimeout as delay } from 'node:timers/promises';

import { Logger } from '@nestjs/common';

import { SessionError } from '../../errors.js';
import type { Buckets } from '../../store/buckets.js';
import type { SessionUpkeep } from '../../store/session-upkeep.js';
import type { Drain } from '../drain/drain.js';
import type { Outbox } from '../drain/outbox.js';
import type { LedgerDatabase } from '../postgres/connection.js';
import { waitAtMost } from '../wait-at-most.js';
import { findMissingGuards } from '../postgres/guards.js';
import type { Partitions } from '../postgres/partitions.js';
import type { LedgerTables } from '../postgres/schema.js';
import type { LedgerBinding } from '../guard/ledger-binding.js';
import type { NightlyAudit } from '../reconcile/nightly-audit.js';
import { NightWatch } from './night-watch.js';
import { DatabaseBackoff } from './database-backoff.js';
import type { Mender } from './mender.js';
import type { LedgerJob, LedgerQueue } from './queue.js';

const WATCHDOG_INTERVAL = 5_000; // ms
/** How often the outbox numbers are compared (ms): bounds how long a rollback goes unnoticed. */
const NUMBERS_INTERVAL = 1_000;
/** How long a start waits for Postgres (ms). */
const START_TIMEOUT = 5_000;
/** How long a shutdown waits for active jobs (ms). A batch takes tens of milliseconds. */
const STOP_TIMEOUT = 5_000;

const UNSUITABLE = 'ERR_SESSION_DATABASE_UNSUITABLE';

export interface LedgerWorkerParts {
  buckets: Buckets;
  database: LedgerDatabase;
  outbox: Outbox;
  queue: LedgerQueue;
  drain: Drain;
  upkeep: SessionUpkeep;
  nightlyAudit: NightlyAudit;
  partitions: Partitions;
  tables: LedgerTables;
  binding: LedgerBinding;
  mender: Mender;
  /** Makes an empty Redis the ledger's without an operator's word; null if that is off. */
  adoptEmptyRedis: (() => Promise<unknown>) | null;
}

/**
 * Runs the ledger's jobs in this process. BullMQ distributes them among all worker processes. If
 * BullMQ fails to run them, a watchdog does: the queue may have been deleted, a schedule lost, or
 * the clock of the process that scheduled last may be an hour ahead.
 */
export class LedgerWorker {
  private readonly logger = new Logger('SessionLedger');
  private readonly backoff: DatabaseBackoff;
  /** Its own: a drain that succeeds says nothing about a comparison that fails. */
  private readonly mendBackoff: DatabaseBackoff;
  private readonly stopping = new AbortController();
  private watchdog: NodeJS.Timeout | undefined;
  /** By the monotonic clock (ms). */
  private sweptAt = -Infinity;
  private watching: Promise<void> | undefined;
  private readonly reported = new Set<string>();
  private numbersTimer: NodeJS.Timeout | undefined;
  private comparing: Promise<void> | undefined;
  private readonly compare = () => this.compareNumbers();

  private readonly nightWatch: NightWatch;

  constructor(private readonly parts: LedgerWorkerParts) {
    const probe = () => parts.database.query('SELECT 1');
    const reported = new Set<string>();
    this.backoff = new DatabaseBackoff(this.logger, probe, reported);
    this.mendBackoff = new DatabaseBackoff(this.logger, probe, reported);
    this.nightWatch = new NightWatch(parts.nightlyAudit, this.stopping.signal, this.logger);
  }

  /**
   * Starts even if Postgres is unavailable, and retries in the background.
   *
   * @throws SessionError `ERR_SESSION_DATABASE_UNSUITABLE` if the tables are missing
   */
  async start(): Promise<void> {
    const { queue } = this.parts;
    const checked = this.backoff.attempt(() => this.checkTables(), { orThrow: UNSUITABLE });
    await Promise.race([checked, delay(START_TIMEOUT, undefined, { ref: false })]);
    queue.work(
      (job) => this.run(job),
      (error) => this.logger.debug(`A job failed and will be run again: ${error.message}`),
    );
    // Not awaited: after an outage there may be minutes of work.
    this.watch();
    this.watchdog = setInterval(() => this.watch(), WATCHDOG_INTERVAL);
    this.compareNumbers();
    this.numbersTimer = setInterval(this.compare, NUMBERS_INTERVAL);
    // Whatever Redis was restarted from, or failed over to, is looked at at once.
    this.parts.buckets.client.on('ready', this.compare);
  }

  /** Returns within a bounded time, even if Redis or Postgres is unavailable. */
  async stop(): Promise<void> {
    this.stopping.abort();
    clearInterval(this.watchdog);
    clearInterval(this.numbersTimer);
    this.parts.buckets.client.off('ready', this.compare);
    await Promise.all([
      this.parts.queue.stopWorking(STOP_TIMEOUT),
      waitAtMost(STOP_TIMEOUT, Promise.resolve(this.watching)),
      waitAtMost(STOP_TIMEOUT, Promise.resolve(this.comparing)),
      waitAtMost(STOP_TIMEOUT, this.nightWatch.stopped()),
    ]);
  }

  private async run(job: LedgerJob): Promise<void> {
    const { queue } = this.parts;
    if (job.name === 'drain') {
      const { bucket } = job.data;
      await this.backoff.attempt(() => this.drain(bucket));
    }
    if (job.name === 'sweep') await this.sweep((bucket) => queue.requestDrain(bucket));
    if (job.name === 'partitions') await this.backoff.attempt(() => this.createPartitions());
    if (job.name === 'reconcile') await this.backoff.attempt(() => this.nightWatch.begin());
  }

  private async checkTables(): Promise<void> {
    await this.createPartitions();
    const missing = await findMissingGuards(this.parts.database, this.parts.tables);
    if (missing.length === 0) return;
    this.logger.error(
      `Guards of the audit tables are missing or disabled: ${missing.join(', ')}. Rows can be changed ` +
        'unnoticed until they are restored. Find out who removed them, and compare with a backup.',
    );
  }

  /** The drain creates a partition that is missing when it needs it, so a failure can wait. */
  private async createPartitions(): Promise<void> {
    const { failed } = await this.parts.partitions.createAhead(this.parts.database);
    for (const { name, error } of failed) {
      this.logger.warn(`The partition ${name} could not be created in advance: ${error.message}`);
    }
  }

  private async drain(bucket: number): Promise<void> {
    try {
      await this.parts.drain.drainBucket(bucket, { signal: this.stopping.signal });
    } catch (error) {
      this.reportLedgerError(error);
      throw error;
    }
  }

  /** Never twice at a time, like the watchdog. */
  private compareNumbers(): void {
    if (this.stopping.signal.aborted) return;
    this.comparing ??= this.mend()
      .catch((error) => this.logger.debug(`Comparing the outbox numbers failed: ${String(error)}`))
      .finally(() => (this.comparing = undefined));
  }

  private async mend(): Promise<void> {
    const { mender, adoptEmptyRedis } = this.parts;
    try {
      await this.mendBackoff.attempt(() => mender.runOnce());
      this.reported.clear();
    } catch (error) {
      if (adoptEmptyRedis && codeOf(error) === 'ERR_SESSION_LEDGER_HELD') {
        await adoptEmptyRedis();
        return;
      }
      this.reportLedgerError(error);
      throw error;
    }
  }

  /** Logs what keeps the ledger from being written, once until it works again. */
  private reportLedgerError(error: unknown): void {
    if (!(error instanceof SessionError) || !error.code.startsWith('ERR_SESSION_LEDGER')) return;
    if (this.reported.has(error.message)) return;
    this.reported.add(error.message);
    this.logger.error(error.message);
  }

  /** Ends expired sessions, then has each bucket drained whose outbox is not empty. */
  private async sweep(drain: (bucket: number) => Promise<unknown>): Promise<void> {
    const { upkeep, buckets, outbox } = this.parts;
    const swept = upkeep.sweepAll(this.stopping.signal);
    // If one bucket can't be swept, the others must still be drained.
    await swept.then(() => (this.sweptAt = performance.now())).catch(() => undefined);
    await buckets.forEach(async (bucket) => {
      if ((await outbox.length(bucket)) > 0) await drain(bucket);
    }, this.stopping.signal);
    await swept;
  }

  /** Never twice at a time: a check takes long while Postgres does not answer. */
  private watch(): void {
    this.watching ??= this.runWatchdog().finally(() => (this.watching = undefined));
    this.nightWatch.continue();
  }

  /** Runs the sweep and any drains that no job has run for a while. */
  private async runWatchdog(): Promise<void> {
    const { queue, upkeep } = this.parts;
    try {
      // BullMQ's calls wait as long as Redis is unavailable; the sweep must not.
      await waitAtMost(WATCHDOG_INTERVAL, queue.schedule());
      const isSweepDue = performance.now() - this.sweptAt > WATCHDOG_INTERVAL;
      const swept = isSweepDue ? upkeep.sweepAll(this.stopping.signal) : Promise.resolve();
      await swept.catch(() => undefined);
      await this.backoff.attempt(() => this.drainOverdue());
      await swept;
    } catch (error) {
      this.logger.debug(
        `The watchdog failed and will run again in ${WATCHDOG_INTERVAL} ms: ${String(error)}`,
      );
    }
  }

  /**
   * Drains the buckets whose events have waited too long. If a worker is killed while it drains, its
   * job blocks new ones for the bucket until BullMQ finds it stalled, which takes up to a minute.
   */
  private async drainOverdue(): Promise<void> {
    const { buckets, outbox } = this.parts;
    await buckets.forEach(async (bucket) => {
      const age = await outbox.oldestAge(bucket, await buckets.readTime(bucket));
      if (age !== null && age > WATCHDOG_INTERVAL) await this.drain(bucket);
    }, this.stopping.signal);
  }
}

function codeOf(error: unknown): string | undefined {
  return error instanceof SessionError ? error.code : undefined;
}
