import type { SessionStore } from '../store/session-store.js';
import type { LedgerDatabase } from './ledger-database.js';
import type { LedgerTables } from './ledger-tables.js';
import { listOpenSessions } from './sql/list-open-sessions.js';
import { listRecentEnds } from './sql/list-recent-ends.js';

const PAGE = 500;
/** A failover can only bring back what ended seconds before it; this is minutes of a busy bucket. */
const RECENT_ENDS = 10_000;

interface OpenRow {
  id: string;
  created_at: Date;
  token: string;
  user_id: string | null;
  created_ms: string;
  expires_ms: string;
}

/** What a reconciliation looked at and did. */
export interface ReconcileReport {
  /** Sessions open in SQL that were looked up in Redis. */
  checked: number;
  /** Those that Redis doesn't have: their ends are on their way into the ledger. */
  missing: number;
  /** Sessions that SQL knows to be over and Redis still had: ended again. */
  resurrected: number;
}

/**
 * Makes SQL and Redis agree again after Redis lost data: restored from a backup, flushed, or
 * failed over to a replica that was behind. Run it after a sweep and a drain, so that what is
 * only late isn't taken for lost; the drain would drop a second end, but not a wrong reason.
 */
export class Reconciler {
  private readonly recentEnds: string;

  constructor(
    private readonly database: LedgerDatabase,
    private readonly tables: LedgerTables,
    private readonly store: SessionStore,
  ) {
    this.recentEnds = listRecentEnds(tables);
  }

  async runOnce(): Promise<ReconcileReport> {
    const { checked, missing } = await this.endLost();
    return { checked, missing, resurrected: await this.endResurrected() };
  }

  private async endLost(): Promise<{ checked: number; missing: number }> {
    const sql = listOpenSessions(this.tables);
    let [checked, missing] = [0, 0];
    let page = await this.database.query<OpenRow>(sql, ['-infinity', 0, PAGE]);
    while (page.length > 0) {
      const lost = await this.withoutRecord(page);
      await Promise.all(lost.map((row) => this.declareLost(row)));
      checked += page.length;
      missing += lost.length;
      const last = page.at(-1)!;
      page = await this.database.query<OpenRow>(sql, [last.created_at, last.id, PAGE]);
    }
    return { checked, missing };
  }

  private async declareLost(row: OpenRow): Promise<void> {
    await this.store.declareLost(addressOf(row.token), {
      createdAt: Number(row.created_ms),
      userId: row.user_id,
      hardEnd: Number(row.expires_ms),
    });
  }

  private async endResurrected(): Promise<number> {
    let resurrected = 0;
    for (let bucket = 0; bucket < this.store.buckets; bucket += 1) {
      const parameters = [bucket, RECENT_ENDS];
      const rows = await this.database.query<{ token: string }>(this.recentEnds, parameters);
      for (let from = 0; from < rows.length; from += PAGE) {
        const page = rows.slice(from, from + PAGE).map((row) => addressOf(row.token));
        const alive = await this.store.areAlive(
          bucket,
          page.map((address) => address.digest),
        );
        const back = page.filter((_, i) => alive[i]);
        await Promise.all(
          back.map((address) => this.store.destroy(address, { reason: 'resurrected', actor: '' })),
        );
        resurrected += back.length;
      }
    }
    return resurrected;
  }

  private async withoutRecord(page: OpenRow[]): Promise<OpenRow[]> {
    // Buckets that this layout doesn't have belong to an earlier one, whose Redis is gone.
    const rows = page.filter((row) => addressOf(row.token).bucket < this.store.buckets);
    const alive = await Promise.all(
      rows.map(async (row) => {
        const { bucket, digest } = addressOf(row.token);
        const [isAlive] = await this.store.areAlive(bucket, [digest]);
        return isAlive;
      }),
    );
    return rows.filter((_, i) => !alive[i]);
  }
}

function addressOf(token: string): { bucket: number; digest: string } {
  return { bucket: Number.parseInt(token.slice(0, 2), 16), digest: token.slice(2) };
}
