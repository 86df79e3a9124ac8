import type { Buckets } from '../store/buckets.js';
import type { DeadLetter, DeadLetters, RedriveReport } from './drain/dead-letters.js';
import type { Drain } from './drain/drain.js';
import type { History, PageRequest, SessionPage } from './queries/history.js';
import type { LedgerDatabase } from './postgres/ledger-database.js';
import type { LedgerTables } from './postgres/ledger-tables.js';
import type { Outbox } from './drain/outbox.js';
import type { ReconcileReport, Reconciler } from './jobs/reconciler.js';
import { countHealthIssues } from './sql/count-trouble.js';
import type { SessionUpkeep } from '../store/session-upkeep.js';
import type { Verifier, VerifyRange, VerifyReport } from './queries/verifier.js';

/** What a flush did. */
export interface FlushReport {
  /** Events that it recorded. */
  recorded: number;
  /** Entries that it put among the dead letters. */
  deadLettered: number;
}

/** What waits in a bucket's outbox. */
export interface BucketBacklog {
  bucket: number;
  events: number;
  /** Age of the oldest event, ms; null where none waits. */
  oldestAge: number | null;
}

/** What to watch. */
export interface LedgerHealth {
  /** Events in all outboxes. */
  backlog: number;
  /** Age of the oldest of them, ms; 0 where none waits. Above a few seconds, something is wrong. */
  oldestAge: number;
  /** Entries in `session_dead_letters` that wait to be redriven. */
  deadLetters: number;
  /** Rows in the default partitions: the partitions of their months are missing. */
  defaultPartitionRows: number;
}

export interface SessionAuditParts {
  database: LedgerDatabase;
  tables: LedgerTables;
  buckets: Buckets;
  outbox: Outbox;
  drain: Drain;
  deadLetters: DeadLetters;
  history: History;
  verifier: Verifier;
  upkeep: SessionUpkeep;
  reconciler: Reconciler;
}

/** Counts come from pg as text. */
interface Trouble {
  dead_letters: string;
  default_partition_rows: string;
}

/** Buckets that a flush drains at once: while Postgres writes one batch, the next is made. */
const FLUSHED_AT_ONCE = 4;

/**
 * Reads and upkeep of the audit trail. Methods fail with `ERR_SESSION_DATABASE_UNAVAILABLE` where
 * Postgres can't be reached; nothing is lost then.
 */
export class SessionAudit {
  constructor(private readonly parts: SessionAuditParts) {}

  /** Drains every bucket now: what had happened before the call is in SQL after it. */
  async flush(): Promise<FlushReport> {
    const report: FlushReport = { recorded: 0, deadLettered: 0 };
    const buckets = this.parts.buckets.numbers();
    const flushNext = async () => {
      for (let bucket = buckets.pop(); bucket !== undefined; bucket = buckets.pop()) {
        const batch = await this.parts.drain.drainBucket(bucket, { wait: true });
        report.recorded += batch.recorded;
        report.deadLettered += batch.deadLettered;
      }
    };
    await Promise.all(Array.from({ length: FLUSHED_AT_ONCE }, flushNext));
    return report;
  }

  /** Verifies the ledger, or a range of it. The same can be asked in SQL: see docs/sql.md. */
  async verify(range?: VerifyRange): Promise<VerifyReport> {
    return this.parts.verifier.verify(range);
  }

  /** A user's sessions, past and present, the newest first. */
  async history(userId: string, page?: PageRequest): Promise<SessionPage> {
    return this.parts.history.ofUser(userId, page);
  }

  /** The sessions that were live at a moment, the newest first. */
  async activeAt(moment: Date, page?: PageRequest): Promise<SessionPage> {
    return this.parts.history.activeAt(moment, page);
  }

  /** What waits in each bucket's outbox. Asks Redis alone. */
  async backlog(): Promise<BucketBacklog[]> {
    const { buckets, outbox } = this.parts;
    return Promise.all(
      buckets.numbers().map(async (bucket) => {
        const now = await buckets.readTime(bucket);
        const [events, oldestAge] = await Promise.all([
          outbox.length(bucket),
          outbox.oldestAge(bucket, now),
        ]);
        return { bucket, events, oldestAge };
      }),
    );
  }

  /** What could not be recorded, the oldest first; `after` is the ID of the last one seen. */
  async deadLetters(page: { after?: string; limit?: number } = {}): Promise<DeadLetter[]> {
    return this.parts.deadLetters.list(page.after, page.limit);
  }

  /** Records the dead letters whose cause is gone. */
  async redrive(): Promise<RedriveReport> {
    return this.parts.deadLetters.redrive();
  }

  /** Ends in SQL what Redis has lost, and in Redis what SQL knows to be over. */
  async reconcile(): Promise<ReconcileReport> {
    await this.parts.upkeep.sweepAll();
    await this.flush();
    const report = await this.parts.reconciler.runOnce();
    await this.flush();
    return report;
  }

  /** The figures to watch. */
  async health(): Promise<LedgerHealth> {
    const backlog = await this.backlog();
    const { database, tables } = this.parts;
    const [trouble] = await database.query<Trouble>(countHealthIssues(tables));
    return {
      backlog: backlog.reduce((sum, { events }) => sum + events, 0),
      oldestAge: Math.max(0, ...backlog.map(({ oldestAge }) => oldestAge ?? 0)),
      deadLetters: Number(trouble!.dead_letters),
      defaultPartitionRows: Number(trouble!.default_partition_rows),
    };
  }
}
