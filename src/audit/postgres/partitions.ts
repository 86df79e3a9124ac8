import type { QueryRunner } from 'typeorm';

import { SessionError } from '../../errors.js';
import type { LedgerDatabase } from './connection.js';
import { sqlState } from './errors.js';
import type { LedgerTables } from './schema.js';

/** How many months to create in advance. */
const AHEAD = 3;

type Parent = 'sessions' | 'session_events';

/** The month in which a row falls, by the table's partition key. */
interface Partition {
  parent: Parent;
  /** Its first day: `2026-11-01`. */
  month: string;
}

/** What `Partitions.createAhead` did. */
export interface PartitionsReport {
  created: string[];
  /** Partitions that could not be created now: another transaction or a missing privilege is in the way. */
  failed: { name: string; error: SessionError }[];
}

/** Creates the tables' partitions, in advance or when the first row of a month needs them. */
export class Partitions {
  /** Those that a row was, or could have been, put into. */
  private readonly known = new Set<string>();

  constructor(private readonly tables: LedgerTables) {}

  /**
   * Creates the missing partitions of this month and the next three, in a transaction each: one
   * holds its locks for milliseconds.
   *
   * @throws SessionError `ERR_SESSION_DATABASE_UNAVAILABLE`, `ERR_SESSION_DATABASE_UNSUITABLE` if the
   * tables can't be read
   */
  async createAhead(database: LedgerDatabase): Promise<PartitionsReport> {
    const report: PartitionsReport = { created: [], failed: [] };
    for (const partition of await this.findMissing(database)) {
      const name = nameOf(partition);
      try {
        const [row] = await database.query<{ made: boolean }>(this.make(), parameters(partition));
        if (row!.made) report.created.push(name);
      } catch (error) {
        if (!(error instanceof SessionError)) throw error;
        report.failed.push({ name, error });
      }
    }
    return report;
  }

  /**
   * Makes sure that rows with these times can be inserted. Called within the transaction that inserts
   * them: if it fails, the events wait, rather than be rejected for want of a partition.
   */
  async ensure(runner: QueryRunner, parent: Parent, times: number[]): Promise<void> {
    for (const month of monthsOf(times)) {
      const partition = { parent, month };
      if (this.known.has(nameOf(partition))) continue;
      const [row] = await runner.query(this.make(), parameters(partition));
      // One that was created just now is gone again if this transaction fails.
      if (!row.made) this.known.add(nameOf(partition));
    }
  }

  /** Forgets what it knows, if a partition turned out to be gone. True if so: try again then. */
  forget(error: unknown): boolean {
    if (!isMissingPartition(error) || this.known.size === 0) return false;
    this.known.clear();
    return true;
  }

  private async findMissing(database: LedgerDatabase): Promise<Partition[]> {
    return database.query<Partition>(missingPartitions(this.tables), [AHEAD]);
  }

  private make(): string {
    return `SELECT ${this.tables.schema}.make_session_partition($1, $2) AS made`;
  }
}

/**
 * The missing partitions of this month (UTC) and the coming ones. It also reads a table, so that it
 * fails if there are none. $1 how many months to look ahead
 */
export const missingPartitions = (t: LedgerTables): string => `
SELECT parent, to_char(month, 'YYYY-MM-DD') AS month
FROM unnest(ARRAY['sessions', 'session_events']) AS parent,
     generate_series(date_trunc('month', now() AT TIME ZONE 'UTC'),
                     date_trunc('month', now() AT TIME ZONE 'UTC') + $1::int * interval '1 month',
                     interval '1 month') AS month
WHERE to_regclass('${t.schema}.' || parent || to_char(month, '_YYYY_MM')) IS NULL
  AND EXISTS (SELECT FROM ${t.chains})
ORDER BY month, parent`;

function nameOf({ parent, month }: Partition): string {
  return `${parent}_${month.slice(0, 7).replace('-', '_')}`;
}

function parameters({ parent, month }: Partition): string[] {
  return [parent, month];
}

/** The first day of each month among the times (ms). A batch rarely has more than one or two. */
function monthsOf(times: number[]): Set<string> {
  const months = new Set<string>();
  let [from, to] = [Infinity, -Infinity];
  for (const time of times) {
    if (time >= from && time < to) continue;
    const date = new Date(time);
    [from, to] = [0, 1].map((ahead) =>
      Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + ahead),
    ) as [number, number];
    months.add(new Date(from).toISOString().slice(0, 10));
  }
  return months;
}

/** By the routine that reported it: the message is in the server's language. */
function isMissingPartition(error: unknown): boolean {
  const { driverError } = error as { driverError?: { routine?: unknown } };
  return sqlState(error) === '23514' && driverError?.routine === 'ExecFindPartition';
}
