import { SessionError } from '../errors.js';
import type { Buckets } from '../store/buckets.js';
import { SessionUpkeep } from '../store/session-upkeep.js';
import { Incidents, type Incident } from './guard/incidents.js';
import { LedgerBinding, type Adoption, type BindingState } from './guard/ledger-binding.js';
import { DeadLetters, type DeadLetter, type RedriveReport } from './drain/dead-letters.js';
import { Drain } from './drain/drain.js';
import { LedgerWriter } from './drain/ledger-writer.js';
import { Outbox } from './drain/outbox.js';
import { Mender } from './jobs/mender.js';
import { Recovery } from './jobs/recovery.js';
import { Reconciler, type ReconcileReport } from './jobs/reconciler.js';
import type { LedgerDatabase } from './postgres/connection.js';
import type { LedgerSettings, LedgerTables } from './postgres/schema.js';
import { History, type PageRequest, type SessionPage } from './queries/history.js';
import { Verifier, type VerifyRange, type VerifyReport } from './queries/verifier.js';

/** What a flush did. */
export interface FlushReport {
  /** Events that it recorded. */
  recorded: number;
  /** Entries that it moved to the dead letters. */
  deadLettered: number;
}

/** The events that wait in a bucket's outbox. */
export interface BucketBacklog {
  bucket: number;
  events: number;
  /** Age of the oldest event (ms); null if there are none. */
  oldestAge: number | null;
}

/** What an adoption did. The counts are 0 if there was nothing to adopt. */
export interface AdoptReport extends Adoption {
  /** Sessions open in SQL that were looked up in Redis. */
  checked: number;
  /** Those that Redis does not have. They are now recorded as lost. */
  missing: number;
  /** Sessions that are over in SQL but were alive in Redis. They were ended again. */
  resurrected: number;
}

/** The state of the ledger, for monitoring. */
export interface LedgerHealth {
  /** Events in all outboxes. */
  backlog: number;
  /** Age of the oldest of them (ms); 0 if there are none. More than a few seconds is a problem. */
  oldestAge: number;
  /** Entries in `session_dead_letters` that are not redriven yet. */
  deadLetters: number;
  /** Rows in the default partitions: the partitions of their months are missing. */
  defaultPartitionRows: number;
  /**
   * - `bound`: Redis and the tables belong together
   * - `held`: Redis is new or was emptied; nothing is recorded until `session-ledger adopt`
   * - `mismatch`: Redis or the tables belong to something else; nothing is recorded
   */
  binding: BindingState | 'mismatch';
  /** Incidents within the last 24 hours, except that the ledger was bound for the first time. */
  recentIncidents: number;
}

/**
 * What `SessionAudit` works with. No jobs are among it, so the command line starts without BullMQ.
 */
export interface SessionAuditParts {
  buckets: Buckets;
  database: LedgerDatabase;
  tables: LedgerTables;
  upkeep: SessionUpkeep;
  outbox: Outbox;
  deadLetters: DeadLetters;
  drain: Drain;
  history: History;
  verifier: Verifier;
  reconciler: Reconciler;
  incidents: Incidents;
  binding: LedgerBinding;
  mender: Mender;
  recovery: Recovery;
}

export function auditParts(
  buckets: Buckets,
  database: LedgerDatabase,
  settings: LedgerSettings,
): SessionAuditParts {
  const { tables } = settings;
  const upkeep = new SessionUpkeep(buckets);
  const outbox = new Outbox(buckets);
  const writer = new LedgerWriter(settings);
  const deadLetters = new DeadLetters(database, tables, writer);
  const incidents = new Incidents(database, tables);
  const binding = new LedgerBinding(buckets, database, tables, incidents);
  const drain = new Drain(database, outbox, writer, deadLetters, incidents, binding);
  const reconciler = new Reconciler(database, tables, buckets, upkeep, incidents, binding);
  const shared = { buckets, database, tables, upkeep, outbox, drain, incidents, binding };
  const recovery = new Recovery({ ...shared, writer });
  return {
    ...shared,
    deadLetters,
    history: new History(database, settings),
    verifier: new Verifier(database, tables),
    reconciler,
    recovery,
    mender: new Mender({ ...shared, writer, reconciler, recovery }),
  };
}

/** How many buckets a flush drains at once. While Postgres writes one batch, others are prepared. */
const FLUSH_CONCURRENCY = 4;

/**
 * Reads and maintains the audit trail. Methods throw `ERR_SESSION_DATABASE_UNAVAILABLE` if Postgres
 * can't be reached; nothing is lost then.
 */
export class SessionAudit {
  constructor(private readonly parts: SessionAuditParts) {}

  /** Drains every bucket. Once it resolves, every event from before the call is in SQL. */
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
    await Promise.all(Array.from({ length: FLUSH_CONCURRENCY }, flushNext));
    return report;
  }

  /** Verifies the ledger or a range of it. docs/sql.md has a statement that does the same. */
  async verify(range?: VerifyRange): Promise<VerifyReport> {
    return this.parts.verifier.verify(range);
  }

  /** A user's sessions, present and past, newest first. */
  async history(userId: string, page?: PageRequest): Promise<SessionPage> {
    return this.parts.history.ofUser(userId, page);
  }

  /** The sessions that were live at a moment, newest first. */
  async activeAt(moment: Date, page?: PageRequest): Promise<SessionPage> {
    return this.parts.history.activeAt(moment, page);
  }

  /** The backlog of every bucket. Reads Redis only, so it works while Postgres is unavailable. */
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

  /** Entries that could not be recorded, oldest first. `after` is the ID of the last one seen. */
  async deadLetters(page: { after?: string; limit?: number } = {}): Promise<DeadLetter[]> {
    return this.parts.deadLetters.list(page.after, page.limit);
  }

  /** Tries to record all dead letters. Call it after removing the cause. */
  async redrive(): Promise<RedriveReport> {
    return this.parts.deadLetters.redrive();
  }

  /**
   * Compares SQL with Redis: records the end of sessions that Redis has lost, and ends sessions in
   * Redis that are over in SQL.
   *
   * @param options set `acceptLosses` to confirm that this is the right Redis. Otherwise no session
   * is declared lost if more than 5 % of the open ones, and more than 20, are missing
   */
  async reconcile(options: { acceptLosses?: boolean } = {}): Promise<ReconcileReport> {
    const { upkeep, mender, binding } = this.parts;
    await binding.requireBound();
    await upkeep.sweepAll();
    await this.flush();
    if (options.acceptLosses) await mender.acceptLosses();
    else await mender.runOnce();
    const report = await this.parts.reconciler.runOnce(options);
    await this.flush();
    return report;
  }

  /**
   * Confirms that this Redis continues the ledger, after it was replaced or emptied. Sessions that
   * are open in SQL and missing in this Redis are recorded as lost.
   *
   * @param options set `from` to the ID of the ledger that this Redis belongs to, to take it away
   * from that ledger
   * @throws SessionError `ERR_SESSION_LEDGER_MISMATCH` if it belongs to another ledger
   */
  async adopt(options: { from?: string } = {}): Promise<AdoptReport> {
    const { binding, drain } = this.parts;
    const adoption = await binding.adopt((runner) => drain.continueNumbers(runner), options.from);
    if (!adoption.adopted) return { ...adoption, checked: 0, missing: 0, resurrected: 0 };
    return { ...adoption, ...(await this.reconcile({ acceptLosses: true })) };
  }

  /** What went wrong, newest first. `before` is the `seq` of the last one seen. */
  async incidents(page: { before?: string; limit?: number } = {}): Promise<Incident[]> {
    return this.parts.incidents.list(page.before, page.limit);
  }

  /** The figures to monitor. */
  async health(): Promise<LedgerHealth> {
    const { database, tables } = this.parts;
    const { events: backlog, oldestAge } = sumBacklog(await this.backlog());
    const issues = await countHealthIssues(database, tables);
    return { backlog, oldestAge, ...issues, binding: await this.checkBinding() };
  }

  private async checkBinding(): Promise<LedgerHealth['binding']> {
    try {
      return await this.parts.binding.check();
    } catch (error) {
      if (isMismatch(error)) return 'mismatch';
      throw error;
    }
  }
}

/** The backlog of all buckets together. */
export function sumBacklog(buckets: BucketBacklog[]): { events: number; oldestAge: number } {
  return {
    events: buckets.reduce((sum, { events }) => sum + events, 0),
    oldestAge: Math.max(0, ...buckets.map(({ oldestAge }) => oldestAge ?? 0)),
  };
}

function isMismatch(error: unknown): boolean {
  return error instanceof SessionError && error.code === 'ERR_SESSION_LEDGER_MISMATCH';
}

/**
 * Counts the dead letters that are not redriven yet, the rows in the default partitions and the
 * incidents of the last 24 hours.
 */
export async function countHealthIssues(
  database: LedgerDatabase,
  t: LedgerTables,
): Promise<Pick<LedgerHealth, 'deadLetters' | 'defaultPartitionRows' | 'recentIncidents'>> {
  const [counts] = await database.query<Record<string, string>>(`
SELECT (SELECT count(*) FROM ${t.deadLetters} WHERE redriven_at IS NULL) AS dead_letters,
       (SELECT count(*) FROM ${t.schema}.sessions_default)
       + (SELECT count(*) FROM ${t.schema}.session_events_default) AS default_rows,
       (SELECT count(*) FROM ${t.incidents} WHERE recorded_at > now() - interval '24 hours'
          AND kind <> 'bound')
         AS recent_incidents`);
  return {
    deadLetters: Number(counts!.dead_letters),
    defaultPartitionRows: Number(counts!.default_rows),
    recentIncidents: Number(counts!.recent_incidents),
  };
}
