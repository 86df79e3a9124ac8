import type { SessionStore } from '../../store/session-store.js';
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

interface LiveSession {
  digest: string;
  createdAt: number;
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
    private readonly store: SessionStore,
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
    await this.store.declareLost(addressOf(row.token), {
      createdAt: Number(row.created_ms),
      userId: row.user_id,
      expiresAt: Number(row.expires_ms),
    });
  }

  private async endResurrected(): Promise<number> {
    let resurrected = 0;
    for (let bucket = 0; bucket < this.store.buckets; bucket += 1) {
      for await (const page of this.liveSessions(bucket)) {
        const back = await this.overInSql(bucket, page);
        await Promise.all(
          back.map((digest) =>
            this.store.destroy({ bucket, digest }, { reason: 'resurrected', actor: '' }),
          ),
        );
        resurrected += back.length;
      }
    }
    return resurrected;
  }

  /** Pages of a bucket's expiry index. ZSCAN gives every member that is there all the while. */
  private async *liveSessions(bucket: number): AsyncGenerator<LiveSession[]> {
    const { client } = this.store.redis;
    const { expiryIndex } = this.store.keysOf(bucket);
    let cursor = '0';
    do {
      const scan = client.zscan(expiryIndex, cursor, 'COUNT', PAGE);
      const [next, found] = await this.store.redis.bounded(scan);
      cursor = String(next);
      const members = found.filter((_, i) => i % 2 === 0); // the others are their scores
      if (members.length > 0) yield members.map(toLiveSession);
    } while (cursor !== '0');
  }

  /** Which of these live sessions have an end in SQL: Redis had ended them, too, and forgot. */
  private async overInSql(bucket: number, sessions: LiveSession[]): Promise<string[]> {
    const known = await this.database.transaction<KnownSession[]>((runner) =>
      runner.query(findKnownSessions(this.tables), [
        sessions.map(({ digest }) => tokenOf(bucket, digest)),
        sessions.map(({ createdAt }) => createdAt),
      ]),
    );
    const over = known.filter(({ ended }) => ended).map(({ token }) => addressOf(token).digest);
    // Most of these ended since their page was read.
    const alive = await this.store.areAlive(bucket, over);
    return over.filter((_, i) => alive[i]);
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

function tokenOf(bucket: number, digest: string): string {
  return bucket.toString(16).padStart(2, '0') + digest;
}

/** A member of the expiry index: `digest:created:user`, where `created` is in hex. */
function toLiveSession(member: string): LiveSession {
  const [digest, createdAt] = member.split(':', 2);
  return { digest: digest!, createdAt: Number.parseInt(createdAt!, 16) };
}
