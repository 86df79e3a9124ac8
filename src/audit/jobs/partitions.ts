import type { LedgerDatabase } from '../postgres/ledger-database.js';
import type { LedgerTables } from '../postgres/ledger-tables.js';

/** Months made ahead of the current one. */
const AHEAD = 3;

/** Makes the partitions of the coming months. */
export class Partitions {
  constructor(
    private readonly database: LedgerDatabase,
    private readonly tables: LedgerTables,
  ) {}

  /** The names of the partitions that it made. */
  async runOnce(): Promise<string[]> {
    const sql = `SELECT name FROM ${this.tables.schema}.make_session_partitions($1) AS name`;
    const rows = await this.database.query<{ name: string }>(sql, [AHEAD]);
    return rows.map((row) => row.name);
  }
}
