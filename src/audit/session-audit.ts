import { SessionError } from '../errors.js';
import type { SessionAuditParts } from './audit-parts.js';
import type { DeadLetter, RedriveReport } from './drain/dead-letters.js';
import type { Incident } from './guard/incidents.js';
import type { Adoption, BindingState, EarlierOwners } from './guard/ledger-binding.js';
import type { MendReport } from './jobs/mender.js';
import type { LedgerDatabase } from './postgres/connection.js';
import { missingPartitions } from './postgres/partitions.js';
import type { LedgerTables } from './postgres/schema.js';
import type { SessionPage } from './queries/history.js';
import { checkRows, type PageRequest, type VerifyRange } from './queries/input.js';
import type { VerifyReport } from './queries/verifier.js';
import { newAuditState, type AuditState, type ReconcileReport } from './reconcile/audit-state.js';

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
export interface AdoptReport extends Adoption, ReconcileReport {}

/** How to compare SQL with Redis. */
export interface ReconcileOptions {
  /**
   * Confirms that this is the right Redis. Otherwise no session is declared lost if more than 5 % of
   * the open ones, and more than 20, are missing.
   *
   * @default false
   */
  acceptLosses?: boolean;
  /**
   * Pauses four times as long as it works, so that it takes a small share of the servers' time. Unless
   * it accepts losses, it is then the nightly comparison: it continues one that was interrupted, and
   * if this process dies, a worker continues it.
   *
   * @default false
   */
  paced?: boolean;
  /** Stops the comparison. The call rejects with the signal's reason. */
  signal?: AbortSignal;
  /** Called after each page, with the rows and keys looked at so far, and roughly how many there are. */
  onProgress?(done: number, total: number): void;
}

/** The state of the ledger, for monitoring. */
export interface LedgerHealth {
  /** Events in all outboxes. */
  backlog: number;
  /** Age of the oldest of them (ms); 0 if there are none. More than a few seconds is a problem. */
  oldestAge: number;
  /** Entries in `session_dead_letters` that are not redriven yet. */
  deadLetters: number;
  /** Partitions of this month and the next that are missing: see the log for what prevents them. */
  missingPartitions: number;
  /**
   * - `bound`: Redis and the tables belong together
   * - `held`: Redis is new or was emptied; nothing is recorded until `session-ledger adopt`
   * - `mismatch`: Redis or the tables belong to something else; nothing is recorded
   */
  binding: BindingState | 'mismatch';
  /** Incidents within the last 24 hours, except that the ledger was bound for the first time. */
  recentIncidents: number;
  /** When Redis and SQL were last compared completely; null if never. It happens every night. */
  auditedAt: Date | null;
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
    const errors: unknown[] = [];
    const { drain } = this.parts;
    const buckets = this.parts.buckets.numbers();
    const flushNext = async () => {
      for (let bucket = buckets.pop(); bucket !== undefined; bucket = buckets.pop()) {
        const batch = await this.tolerate(errors, () => drain.drainBucket(bucket!, { wait: true }));
        report.recorded += batch?.recorded ?? 0;
        report.deadLettered += batch?.deadLettered ?? 0;
      }
    };
    await Promise.all(Array.from({ length: FLUSH_CONCURRENCY }, flushNext));
    if (errors.length > 0) throw errors[0];
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

  /** Entries that could not be recorded, oldest first. `after` is the ID of the last one seen, `limit` 1 to 10,000. */
  async deadLetters(page?: { after?: string; limit?: number }): Promise<DeadLetter[]> {
    const { after, limit } = checkRows(page, 'after');
    return this.parts.deadLetters.list(after, limit);
  }

  /** Tries to record all dead letters. Call it after removing the cause. */
  async redrive(): Promise<RedriveReport> {
    return this.parts.deadLetters.redrive();
  }

  /**
   * Compares SQL with Redis, and Redis's indexes with its records, and puts right what differs:
   * records the end of sessions that Redis has lost, ends sessions in Redis that are over in SQL,
   * records those that SQL doesn't know, and completes the indexes. Workers do it every night.
   *
   * @throws SessionError `ERR_SESSION_AUDIT_RUNNING` if it is to be paced, and another process is at it
   */
  async reconcile(options: ReconcileOptions = {}): Promise<ReconcileReport> {
    const { upkeep, mender, binding } = this.parts;
    const errors: unknown[] = [];
    await binding.requireBound();
    await this.tolerate(errors, () => upkeep.sweepAll(options.signal));
    await this.tolerate(errors, () => this.flush());
    const mend = () => (options.acceptLosses ? this.acceptLosses() : mender.runOnce());
    const mended = await this.tolerate(errors, mend);
    const report = await this.tolerate(errors, () => this.compare(options));
    await this.tolerate(errors, () => this.flush());
    if (errors.length > 0) throw errors[0];
    return {
      ...report!,
      missing: report!.missing + mended!.missing,
      resurrected: report!.resurrected + mended!.resurrected,
      recovered: report!.recovered + mended!.recovered,
    };
  }

  /** Keeps an error for the end if it concerns only some buckets: the others must go on. */
  private async tolerate<T>(errors: unknown[], work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof SessionError) || this.parts.buckets.concernsAll(error)) throw error;
      errors.push(error);
      return undefined;
    }
  }

  private async compare({ onProgress, ...options }: ReconcileOptions): Promise<ReconcileReport> {
    const { reconciler, nightlyAudit } = this.parts;
    const onPage = onProgress && (await this.progressOf(onProgress));
    if (!options.paced || options.acceptLosses) return reconciler.runOnce({ ...options, onPage });
    await nightlyAudit.begin();
    const run = await nightlyAudit.continue({ ...options, onPage });
    if (!run) throw auditRunning();
    if (run.errors.length > 0) throw run.errors[0];
    return run.state.report;
  }

  /** Each live session is met three times: its row, its member of the index and its record. */
  private async progressOf(report: NonNullable<ReconcileOptions['onProgress']>) {
    const total = 3 * (await this.parts.reconciler.countLive());
    return ({ seen }: AuditState) => report(Math.min(seen, total), total);
  }

  /**
   * Confirms that this Redis continues the ledger, after it was replaced or emptied. Sessions that
   * are open in SQL and missing in this Redis are recorded as lost. If the process dies meanwhile, a
   * worker completes it; so does the same call again.
   *
   * @param options what changes hands: `from`, the ID of the ledger that this Redis belongs to now;
   * `fromPrefix`, the prefix that the ledger's sessions have had
   * @throws SessionError `ERR_SESSION_LEDGER_MISMATCH` if it belongs to another ledger
   */
  async adopt(options: EarlierOwners = {}): Promise<AdoptReport> {
    const { binding, drain, nightlyAudit } = this.parts;
    const adoption = await binding.adopt(async (runner) => {
      await drain.continueNumbers(runner);
      await nightlyAudit.beginAccepting(runner);
    }, options);
    const isUnfinished = adoption.adopted || (await nightlyAudit.isAccepting());
    if (!isUnfinished) return { ...adoption, ...newAuditState().report };
    const report = await this.reconcile({ acceptLosses: true });
    await nightlyAudit.endAccepting();
    return { ...adoption, ...report };
  }

  private async acceptLosses(): Promise<MendReport> {
    const { incidents, mender } = this.parts;
    await incidents.recordAlone({ kind: 'losses-accepted', details: {} });
    return mender.acceptLosses();
  }

  /** What went wrong, newest first. `before` is the `seq` of the last one seen, `limit` 1 to 10,000. */
  async incidents(page?: { before?: string; limit?: number }): Promise<Incident[]> {
    const { before, limit } = checkRows(page, 'before');
    return this.parts.incidents.list(before, limit);
  }

  /** The figures to monitor. */
  async health(): Promise<LedgerHealth> {
    const { database, tables } = this.parts;
    const { events: backlog, oldestAge } = sumBacklog(await this.backlog());
    const issues = await readHealthIssues(database, tables);
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

function auditRunning(): SessionError {
  return new SessionError(
    'ERR_SESSION_AUDIT_RUNNING',
    'Another process is comparing Redis with Postgres at the moment: `audit_position` in the table ' +
      'session_ledger says how far it has come. Wait until it has finished, or compare without pauses.',
  );
}

/**
 * Counts the dead letters that are not redriven yet, the missing partitions and the incidents of the
 * last 24 hours, and reads when SQL was last compared with Redis.
 */
export async function readHealthIssues(
  database: LedgerDatabase,
  t: LedgerTables,
): Promise<Omit<LedgerHealth, 'backlog' | 'oldestAge' | 'binding'>> {
  const [row] = await database.query<Record<string, string> & { audited_at: Date | null }>(
    `
SELECT (SELECT count(*) FROM ${t.deadLetters} WHERE redriven_at IS NULL) AS dead_letters,
       (SELECT count(*) FROM (${missingPartitions(t)}) AS missing) AS missing_partitions,
       (SELECT count(*) FROM ${t.incidents} WHERE recorded_at > now() - interval '24 hours'
          AND kind <> 'bound')
         AS recent_incidents,
       (SELECT audited_at FROM ${t.ledger}) AS audited_at`,
    [1],
  );
  return {
    deadLetters: Number(row!.dead_letters),
    missingPartitions: Number(row!.missing_partitions),
    recentIncidents: Number(row!.recent_incidents),
    auditedAt: row!.audited_at,
  };
}
