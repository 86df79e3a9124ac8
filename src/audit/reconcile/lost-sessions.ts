import type { Buckets } from '../../store/buckets.js';
import { parseHandle, type SessionAddress } from '../../store/session-id.js';
import type { SessionUpkeep } from '../../store/session-upkeep.js';
import type { Drain } from '../drain/drain.js';
import { findKnownSessions, type KnownSession } from '../drain/session-rows.js';
import type { NewIncident } from '../guard/incidents.js';
import type { LedgerBinding } from '../guard/ledger-binding.js';
import type { LedgerDatabase } from '../postgres/connection.js';
import type { LedgerTables } from '../postgres/schema.js';
import type { AuditRun } from './audit-run.js';
import type { RowPosition } from './audit-state.js';
import type { LossLimit } from './loss-limit.js';

const PAGE = 500;

interface OpenRow {
  id: string;
  created_at: Date;
  token: string;
  user_id: string | null;
  created_ms: string;
  expires_ms: string;
}

interface OpenSession {
  row: OpenRow;
  address: SessionAddress;
}

export interface LostSessionsParts {
  buckets: Buckets;
  database: LedgerDatabase;
  tables: LedgerTables;
  upkeep: SessionUpkeep;
  drain: Drain;
  binding: LedgerBinding;
  limit: LossLimit;
}

/**
 * Finds the sessions that are open in SQL and that Redis doesn't have, and records their ends.
 *
 * It counts them first, and declares none of them lost if they are too many. It holds no more than a
 * page at a time, so the second half reads the rows again.
 */
export class LostSessions {
  constructor(private readonly parts: LostSessionsParts) {}

  /** Counts the missing sessions of a page. */
  async count(run: AuditRun, after: RowPosition): Promise<NewIncident[]> {
    const { state } = run;
    const page = await run.attempt(() => this.openRows(after));
    if (page.length === 0) return this.decide(run);
    const missing = await this.missingOf(run, page);
    if (missing.length > 0) state.lossesAfter ??= { createdAt: after.createdAt, id: after.id };
    state.report.missing += missing.length;
    state.report.checked += page.length;
    state.seen += page.length;
    state.position = { phase: 'count', ...positionOf(page.at(-1)!) };
    return [];
  }

  /** Declares the missing sessions of a page lost. */
  async declare(run: AuditRun, after: RowPosition): Promise<NewIncident[]> {
    const { state } = run;
    const page = await run.attempt(() => this.openRows(after));
    if (page.length === 0) return this.finish(run);
    if (state.limit === null) {
      state.report.checked += page.length;
      state.seen += page.length;
    }
    const missing = await this.missingOf(run, page);
    const limit = state.limit ?? (await this.limitOf(run));
    // More than were counted.
    const { missing: declared } = state.report;
    if (!state.acceptsLosses && declared + missing.length > limit) {
      const lost = this.finish(run);
      return [...lost, ...(await this.hold(run, declared + missing.length))];
    }
    await run.attempt(() => this.parts.binding.requireBound()); // after Redis was asked
    await run.onBuckets(byBucket(missing), async (_, sessions) => {
      await Promise.all(sessions.map((session) => this.declareLost(run, session)));
    });
    state.position = { phase: 'declare', ...positionOf(page.at(-1)!) };
    return [];
  }

  /** After the count: there is nothing to declare, or too much, or the second half begins. */
  private async decide(run: AuditRun): Promise<NewIncident[]> {
    const { state } = run;
    const { missing } = state.report;
    state.limit = await this.limitOf(run);
    if (missing > state.limit && !state.acceptsLosses) return this.hold(run, missing);
    if (!state.lossesAfter) return this.finish(run);
    state.position = { phase: 'declare', ...state.lossesAfter };
    state.report.missing = 0;
    return [];
  }

  private limitOf(run: AuditRun): Promise<number> {
    return run.attempt(() => this.parts.limit.remaining(run.state.report.checked));
  }

  private async hold(run: AuditRun, missing: number): Promise<NewIncident[]> {
    Object.assign(run.state.report, { missing, held: true });
    const incident = await run.attempt(() => this.parts.limit.newIncident(missing));
    toIndex(run);
    return incident ? [incident] : [];
  }

  private finish(run: AuditRun): NewIncident[] {
    const { missing } = run.state.report;
    toIndex(run);
    return missing > 0 ? [{ kind: 'sessions-lost', details: { missing } }] : [];
  }

  private openRows({ createdAt, id }: RowPosition): Promise<OpenRow[]> {
    return this.parts.database.transaction((runner) =>
      runner.query(listOpenSessions(this.parts.tables), [createdAt, id, PAGE]),
    );
  }

  private async missingOf(run: AuditRun, page: OpenRow[]): Promise<OpenSession[]> {
    const sessions = page.flatMap((row) => {
      // A bucket beyond the current number belongs to an earlier layout, whose Redis is gone.
      const address = parseHandle(row.token, this.parts.buckets.count);
      return address ? [{ row, address }] : [];
    });
    const missing: OpenSession[] = [];
    await run.onBuckets(byBucket(sessions), async (bucket, group) => {
      missing.push(...(await this.missingIn(bucket, group)));
    });
    return missing;
  }

  /**
   * The sessions that have no record, although they have not ended. A session that ended or expired
   * before Redis was asked has its end in the outbox once the bucket is swept, and in SQL once it is
   * drained. So what is still open then is lost.
   */
  private async missingIn(bucket: number, sessions: OpenSession[]): Promise<OpenSession[]> {
    const { buckets, upkeep, drain } = this.parts;
    const digests = sessions.map(({ address }) => address.digest);
    const alive = await buckets.areAlive(bucket, digests);
    const absent = sessions.filter((_, i) => !alive[i]);
    if (absent.length === 0) return [];
    await upkeep.sweepBucket(bucket);
    await drain.drainBucket(bucket, { wait: true });
    const ended = await this.endedHandles(absent);
    return absent.filter(({ row }) => !ended.has(row.token));
  }

  private async endedHandles(sessions: OpenSession[]): Promise<Set<string>> {
    const { database, tables } = this.parts;
    const known = await database.transaction<KnownSession[]>((runner) =>
      runner.query(findKnownSessions(tables), [
        sessions.map(({ row }) => row.token),
        sessions.map(({ row }) => row.created_ms),
      ]),
    );
    return new Set(known.filter(({ ended }) => ended).map(({ token }) => token));
  }

  private async declareLost(run: AuditRun, { row, address }: OpenSession): Promise<void> {
    await this.parts.upkeep.declareLost(address, {
      createdAt: Number(row.created_ms),
      userId: row.user_id,
      expiresAt: Number(row.expires_ms),
    });
    run.state.report.missing += 1;
  }
}

function toIndex({ state }: AuditRun): void {
  state.position = { phase: 'index', bucket: 0, cursor: '0', server: '' };
}

function positionOf({ created_at: createdAt, id }: OpenRow): RowPosition {
  return { createdAt: createdAt.toISOString(), id };
}

function byBucket(sessions: OpenSession[]): Map<number, OpenSession[]> {
  const groups = new Map<number, OpenSession[]>();
  for (const session of sessions) {
    const { bucket } = session.address;
    groups.set(bucket, [...(groups.get(bucket) ?? []), session]);
  }
  return groups;
}

/**
 * A page of the sessions that are open in SQL, oldest first, by the partial index on open rows.
 *
 * $1 and $2 created at and ID of the last one seen, $3 limit
 */
export const listOpenSessions = (t: LedgerTables): string => `
SELECT id, created_at, token, user_id::text AS user_id,
       (extract(epoch FROM created_at) * 1000)::bigint AS created_ms,
       (extract(epoch FROM expires_at) * 1000)::bigint AS expires_ms
FROM ${t.sessions}
WHERE ended_at IS NULL AND (created_at, id) > ($1, $2)
ORDER BY created_at, id LIMIT $3`;
