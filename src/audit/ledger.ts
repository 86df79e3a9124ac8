import type { Buckets } from '../store/buckets.js';
import { auditParts } from './audit-parts.js';
import type { LedgerDatabase } from './postgres/ledger-database.js';
import { LedgerQueue } from './jobs/ledger-queue.js';
import { LedgerWorker } from './jobs/ledger-worker.js';
import type { LedgerSettings } from './drain/ledger-writer.js';
import { Partitions } from './jobs/partitions.js';
import { SessionAudit } from './session-audit.js';
import { waitAtMost } from './wait-at-most.js';
import { DrainTrigger } from './jobs/drain-trigger.js';

/** How long a shutdown tries to record what is still in the outboxes, ms. */
const LAST_FLUSH = 3_000;

export interface LedgerParts {
  buckets: Buckets;
  database: LedgerDatabase;
  settings: LedgerSettings & { worker: boolean };
}

/** The SQL side, put together: what reads it, and what keeps it up to date. */
export class Ledger {
  readonly audit: SessionAudit;
  private readonly queue: LedgerQueue;
  private readonly wakeUp: DrainTrigger;
  private readonly worker: LedgerWorker | null;
  private readonly stopListening: () => void;

  constructor(private readonly parts: LedgerParts) {
    const { buckets, database, settings } = parts;
    const audited = auditParts(buckets, database, settings);
    const partitions = new Partitions(database, settings.tables);
    this.audit = new SessionAudit(audited);
    this.queue = new LedgerQueue(buckets.client, buckets.prefix);
    this.wakeUp = new DrainTrigger((bucket) => this.queue.wake(bucket));
    const { queue } = this;
    this.worker = settings.worker ? new LedgerWorker({ ...audited, queue, partitions }) : null;
    this.stopListening = buckets.onEvent((bucket) => this.wakeUp.notify(bucket));
  }

  async start(): Promise<void> {
    await this.worker?.start();
  }

  /** Stops the jobs, records what this process still can, and lets go of its connections. */
  async stop(): Promise<void> {
    this.stopListening();
    this.wakeUp.close();
    await this.worker?.stop();
    // What stays behind isn't lost: it is in Redis, and the next worker records it.
    if (this.worker) await waitAtMost(LAST_FLUSH, this.audit.flush());
    await this.queue.close();
    await this.parts.database.close();
  }
}
