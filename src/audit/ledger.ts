import { setTimeout as delay } from 'node:timers/promises';

import { SessionError } from '../errors.js';
import type { Buckets } from '../store/buckets.js';
import { auditParts } from './audit-parts.js';
import type { LedgerBinding } from './guard/ledger-binding.js';
import { DrainTrigger } from './jobs/drain-trigger.js';
import { LedgerQueue } from './jobs/queue.js';
import { LedgerWorker } from './jobs/worker.js';
import type { LedgerDatabase } from './postgres/connection.js';
import type { LedgerSettings } from './postgres/schema.js';
import { SessionAudit } from './session-audit.js';
import { waitAtMost } from './wait-at-most.js';

/** How long a shutdown tries to record the events that are still in the outboxes (ms). */
const LAST_FLUSH_TIMEOUT = 3_000;
/** How long a start waits for Postgres (ms). */
const START_TIMEOUT = 5_000;

export interface LedgerParts {
  buckets: Buckets;
  database: LedgerDatabase;
  settings: LedgerSettings & { worker: boolean; adoptsEmptyRedis: boolean };
  /** False in a process without a database: it leaves the ledger to others. */
  hasDatabase: boolean;
}

/** The ledger of one process: `SessionAudit`, the trigger of its drains and, if enabled, the jobs. */
export class Ledger {
  readonly audit: SessionAudit;
  private readonly queue: LedgerQueue;
  private readonly drainTrigger: DrainTrigger;
  private readonly worker: LedgerWorker | null;
  private readonly binding: LedgerBinding;
  private readonly stopListening: () => void;

  constructor(private readonly parts: LedgerParts) {
    const { buckets, database, settings } = parts;
    const shared = auditParts(buckets, database, settings);
    this.audit = new SessionAudit(shared);
    this.queue = new LedgerQueue(buckets.client, buckets.prefix);
    this.drainTrigger = new DrainTrigger((bucket) => this.queue.requestDrain(bucket));
    const { queue } = this;
    const adoptEmptyRedis = settings.adoptsEmptyRedis ? () => this.audit.adopt() : null;
    this.worker = settings.worker ? new LedgerWorker({ ...shared, queue, adoptEmptyRedis }) : null;
    this.binding = shared.binding;
    this.stopListening = buckets.onEvent((bucket) => this.drainTrigger.notify(bucket));
  }

  /**
   * Starts even if Postgres is unavailable.
   *
   * @throws SessionError `ERR_SESSION_LEDGER_MISMATCH` if this is not the ledger's Redis
   */
  async start(): Promise<void> {
    if (this.parts.hasDatabase) await this.checkBinding();
    await this.worker?.start();
  }

  private async checkBinding(): Promise<void> {
    const checked = this.binding.check().catch((error) => {
      if (error instanceof SessionError && error.code === 'ERR_SESSION_LEDGER_MISMATCH')
        throw error;
      // Postgres is unavailable, or its tables are missing: the worker reports it.
    });
    await Promise.race([checked, delay(START_TIMEOUT, undefined, { ref: false })]);
  }

  /** Stops the jobs, records as many events as it can, and closes the connections. */
  async stop(): Promise<void> {
    this.stopListening();
    this.drainTrigger.close();
    await this.worker?.stop();
    // The remaining events are not lost: they stay in Redis, and the next worker records them.
    if (this.worker) await waitAtMost(LAST_FLUSH_TIMEOUT, this.audit.flush());
    await this.queue.close();
    await this.parts.database.close();
  }
}
