import type { Buckets } from '../../store/buckets.js';
import {
  formatHandle,
  parseHandle,
  type ExpiryMember,
  type SessionAddress,
} from '../../store/session-id.js';
import type { SessionUpkeep } from '../../store/session-upkeep.js';
import { findKnownSessions, type KnownSession } from '../drain/session-rows.js';
import type { Incidents } from '../guard/incidents.js';
import type { LedgerBinding } from '../guard/ledger-binding.js';
import type { LedgerDatabase } from '../postgres/connection.js';
import type { LedgerTables } from '../postgres/schema.js';
import { LossLimit } from './loss-limit.js';

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

/** What a reconciliation checked and did. */
export interface ReconcileReport {
  /** Sessions open in SQL that were looked up in Redis. */
  checked: number;
  /** Those that Redis does not have. Their ends are now in the outbox, unless `held`. */
  missing: number;
  /**
   * True if too many were missing (more than 5 % of the open sessions, and more than 20): this may
   * be the wrong Redis, or an empty one. None was declared lost, and `missing` is not complete.
   */
  held: boolean;
  /** Sessions that are over in SQL but were alive in Redis. They were ended again. */
  resurrected: number;
}

/**
 * Makes SQL and Redis agree after Redis has lost data: it was restored from a backup, was flushed,
 * or failed over to a replica that was behind.
 *
 * It can't mistake a session for lost just because its end has not been recorded yet. If the session has expired
 * and waits for the sweep, the expiry index still contains it. If it was ended, its end is already
 * in the outbox, before the entry that is added now; the drain records the first end and drops the
 * second.
 */
export class Reconciler {
  private readonly limit: LossLimit;

  constructor(
    private readonly database: LedgerDatabase,
    private readonly tables: LedgerTables,
    private readonly buckets: Buckets,
    private readonly upkeep: SessionUpkeep,
    private readonly incidents: Incidents,
    private readonly binding: LedgerBinding,
  ) {
    this.limit = new LossLimit(database, tables);
  }

  /** @param acceptLosses declare all missing sessions lost, however many they are */
  async runOnce({ acceptLosses = false } = {}): Promise<ReconcileReport> {
    await this.binding.requireBound();
    const limit = acceptLosses ? Infinity : await this.limit.read();
    const { checked, lost } = await this.findLost(limit);
    const held = lost.length > limit;
    await this.binding.requireBound(); // after Redis was asked: see requireBound
    if (!held) await this.declareAllLost(lost);
    await this.recordLosses(lost.length, held);
    return { checked, missing: lost.length, held, resurrected: await this.endResurrected() };
  }

  /** Finds the missing sessions, and stops once there are more than `limit`. It changes nothing. */
  private async findLost(limit: number): Promise<{ checked: number; lost: OpenSession[] }> {
    let checked = 0;
    const lost: OpenSession[] = [];
    let page = await this.openRows('-infinity', '0');
    while (page.length > 0 && lost.length <= limit) {
      lost.push(...(await this.withoutRecord(page)));
      checked += page.length;
      const last = page.at(-1)!;
      page = await this.openRows(last.created_at, last.id);
    }
    return { checked, lost };
  }

  private async recordLosses(missing: number, held: boolean): Promise<void> {
    if (missing === 0) return;
    const kind = held ? 'loss-limit' : 'sessions-lost';
    await this.incidents.recordAlone({ kind, details: { missing } });
  }

  private async declareAllLost(lost: OpenSession[]): Promise<void> {
    for (let from = 0; from < lost.length; from += PAGE) {
      const page = lost.slice(from, from + PAGE);
      await Promise.all(page.map((session) => this.declareLost(session)));
    }
  }

  private openRows(createdAt: Date | string, id: string): Promise<OpenRow[]> {
    return this.database.transaction((runner) =>
      runner.query(listOpenSessions(this.tables), [createdAt, id, PAGE]),
    );
  }

  /** The sessions of a page that have no record in Redis. */
  private async withoutRecord(page: OpenRow[]): Promise<OpenSession[]> {
    const sessions = page.flatMap((row) => {
      // A bucket beyond the current number belongs to an earlier layout, whose Redis is gone.
      const address = parseHandle(row.token, this.buckets.count);
      return address ? [{ row, address }] : [];
    });
    const alive = await Promise.all(
      sessions.map(async ({ address: { bucket, digest } }) => {
        const [isAlive] = await this.buckets.areAlive(bucket, [digest]);
        return isAlive;
      }),
    );
    return sessions.filter((_, i) => !alive[i]);
  }

  private async declareLost({ row, address }: OpenSession): Promise<void> {
    await this.upkeep.declareLost(address, {
      createdAt: Number(row.created_ms),
      userId: row.user_id,
      expiresAt: Number(row.expires_ms),
    });
  }

  private async endResurrected(): Promise<number> {
    let resurrected = 0;
    for (const bucket of this.buckets.numbers()) {
      for await (const page of this.upkeep.scan(bucket)) {
        const back = await this.overInSql(bucket, page);
        await Promise.all(back.map((digest) => this.upkeep.endAgain({ bucket, digest })));
        resurrected += back.length;
      }
    }
    return resurrected;
  }

  /** Which of these live sessions are over in SQL: Redis has lost the fact that it ended them. */
  private async overInSql(bucket: number, sessions: ExpiryMember[]): Promise<string[]> {
    const handles = sessions.map(({ digest }) => formatHandle({ bucket, digest }));
    const times = sessions.map(({ createdAt }) => createdAt);
    const known = await this.database.transaction<KnownSession[]>((runner) =>
      runner.query(findKnownSessions(this.tables), [handles, times]),
    );
    const ended = new Set(known.filter((row) => row.ended).map(({ token }) => token));
    const over = sessions.filter((_, i) => ended.has(handles[i]!)).map(({ digest }) => digest);
    // Most of them have ended since their page was read.
    const alive = await this.buckets.areAlive(bucket, over);
    return over.filter((_, i) => alive[i]);
  }
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
