import type { Buckets } from '../../store/buckets.js';
import { formatHandle, parseHandle, type ExpiryMember } from '../../store/session-id.js';
import type { SessionUpkeep } from '../../store/session-upkeep.js';
import type { LedgerDatabase } from '../postgres/ledger-database.js';
import type { LedgerTables } from '../postgres/ledger-tables.js';
import { findKnownSessions } from '../sql/find-known-sessions.js';
import { listOpenSessions } from '../sql/list-open-sessions.js';

const PAGE = 500;

interface OpenRow {
  id: string;
  created_at: Date;
  token: string;
  user_id: string | null;
  created_ms: string;
  expires_ms: string;
}

interface KnownSession {
  token: string;
  ended: boolean;
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
 * failed over to a replica that was behind.
 *
 * What is only late can't be taken for lost: a session without its record that is still to be
 * swept stands in the expiry index, and the end of one that was ended stands in the outbox, before
 * whatever is put there now. The drain records the first end and drops the rest.
 */
export class Reconciler {
  constructor(
    private readonly database: LedgerDatabase,
    private readonly tables: LedgerTables,
    private readonly buckets: Buckets,
    private readonly upkeep: SessionUpkeep,
  ) {}

  async runOnce(): Promise<ReconcileReport> {
    const { checked, missing } = await this.endLost();
    return { checked, missing, resurrected: await this.endResurrected() };
  }

  private async endLost(): Promise<{ checked: number; missing: number }> {
    let [checked, missing] = [0, 0];
    let page = await this.openRows('-infinity', '0');
    while (page.length > 0) {
      const lost = await this.withoutRecord(page);
      await Promise.all(lost.map((row) => this.declareLost(row)));
      checked += page.length;
      missing += lost.length;
      const last = page.at(-1)!;
      page = await this.openRows(last.created_at, last.id);
    }
    return { checked, missing };
  }

  private openRows(createdAt: Date | string, id: string): Promise<OpenRow[]> {
    return this.database.transaction((runner) =>
      runner.query(listOpenSessions(this.tables), [createdAt, id, PAGE]),
    );
  }

  private async declareLost(row: OpenRow): Promise<void> {
    const address = parseHandle(row.token, this.buckets.count)!;
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

  /** Which of these live sessions have an end in SQL: Redis had ended them, too, and forgot. */
  private async overInSql(bucket: number, sessions: ExpiryMember[]): Promise<string[]> {
    const known = await this.database.transaction<KnownSession[]>((runner) =>
      runner.query(findKnownSessions(this.tables), [
        sessions.map(({ digest }) => formatHandle({ bucket, digest })),
        sessions.map(({ createdAt }) => createdAt),
      ]),
    );
    const over = known.filter(({ ended }) => ended).map(({ token }) => token.slice(2));
    // Most of these ended since their page was read.
    const alive = await this.buckets.areAlive(bucket, over);
    return over.filter((_, i) => alive[i]);
  }

  private async withoutRecord(page: OpenRow[]): Promise<OpenRow[]> {
    const found = page.flatMap((row) => {
      // A bucket that this layout doesn't have belongs to an earlier one, whose Redis is gone.
      const address = parseHandle(row.token, this.buckets.count);
      return address ? [{ row, address }] : [];
    });
    const alive = await Promise.all(
      found.map(async ({ address: { bucket, digest } }) => {
        const [isAlive] = await this.buckets.areAlive(bucket, [digest]);
        return isAlive;
      }),
    );
    return found.filter((_, i) => !alive[i]).map(({ row }) => row);
  }
}
