import type { Buckets } from '../store/buckets.js';
import { DrainTrigger } from './jobs/drain-trigger.js';
import { Partitions } from './jobs/partitions.js';
import { LedgerQueue } from './jobs/queue.js';
import { LedgerWorker } from './jobs/worker.js';
import type { LedgerDatabase } from './postgres/connection.js';
import type { LedgerSettings } from './postgres/schema.js';
import { auditParts, SessionAudit } from './session-audit.js';
import { waitAtMost } from './wait-at-most.js';

/** How long a shutdown tries to record the events that are still in the outboxes (ms). */
const LAST_FLUSH_TIMEOUT = 3_000;

export interface LedgerParts {
  buckets: Buckets;
  database: LedgerDatabase;
  settings: LedgerSettings & { worker: boolean };
}

/** The ledger of one process: `SessionAudit`, the trigger of its drains and, if enabled, the jobs. */
export class Ledger {
  readonly audit: SessionAudit;
  private readonly queue: LedgerQueue;
  private readonly drainTrigger: DrainTrigger;
  private readonly worker: LedgerWorker | null;
  private readonly stopListening: () => void;

  constructor(private readonly parts: LedgerParts) {
    const { buckets, database, settings } = parts;
    const shared = auditParts(buckets, database, settings);
    const partitions = new Partitions(database, settings.tables);
    this.audit = new SessionAudit(shared);
    this.queue = new LedgerQueue(buckets.client, buckets.prefix);
    this.drainTrigger = new DrainTrigger((bucket) => this.queue.requestDrain(bucket));
    const { queue } = this;
    this.worker = settings.worker ? new LedgerWorker({ ...shared, queue, partitions }) : null;
    this.stopListening = buckets.onEvent((bucket) => this.drainTrigger.notify(bucket));
  }

  async start(): Promise<void> {
    await this.worker?.start();
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
