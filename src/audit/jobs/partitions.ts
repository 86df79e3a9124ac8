import type { LedgerDatabase } from '../postgres/connection.js';
import type { LedgerTables } from '../postgres/schema.js';

/** How many months to create in advance. */
const AHEAD = 3;

/** Creates the partitions for the coming months. */
export class Partitions {
  constructor(
    private readonly database: LedgerDatabase,
    private readonly tables: LedgerTables,
  ) {}

  /** Returns the names of the partitions that it created. */
  async runOnce(): Promise<string[]> {
    const sql = `SELECT name FROM ${this.tables.schema}.make_session_partitions($1) AS name`;
    const rows = await this.database.query<{ name: string }>(sql, [AHEAD]);
    return rows.map((row) => row.name);
  }
}
