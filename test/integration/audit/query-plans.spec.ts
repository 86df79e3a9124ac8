import { describe, expect, it } from '@jest/globals';
import { Client } from 'pg';

import { endSessions, findKnownSessions } from '../../../src/audit/drain/session-rows.js';
import { listOpenSessions } from '../../../src/audit/reconcile/lost-sessions.js';
import { prepareTransaction } from '../../../src/audit/postgres/connection.js';
import { ledgerTables } from '../../../src/audit/postgres/schema.js';
import { listActiveSessions, listUserSessions } from '../../../src/audit/queries/history.js';
import { DAY } from '../../support/durations.js';
import { tableScans, type ExplainRow } from '../../support/query-plan.js';
import { seedSessions } from './seed-sessions.js';
import { useLedger } from '../../support/use-ledger.js';

const ROWS = 150_000; // in each of two partitions
const BATCH = 1_000;
/** More rows than any page or batch has. */
const MANY = 5_000;
/** The position before the first page: later than every row. */
const FIRST_PAGE = ['infinity', '9223372036854775807'];
const tables = ledgerTables('public');
const users = Array.from({ length: 1_000 }, (_, i) => `user ${i}`);

describe('Query plans on large tables', () => {
  const fixture = useLedger();

  it('every statement of the drain and of history finds its rows by an index', async () => {
    const trail = await fixture.open({ isForged: true });
    const web = await trail.start({ audit: { worker: false } });
    await web.sessions.createSession({ userId: 'ada' });
    const now = Date.now();
    for (const from of [now, now + 31 * DAY]) {
      await seedSessions(trail, { users, count: ROWS, from, step: 600 });
    }
    const sample = await trail.rows<{ token: string; ms: string }>(
      `SELECT token, (extract(epoch FROM created_at) * 1000)::bigint AS ms
       FROM sessions ORDER BY random() LIMIT ${BATCH}`,
    );
    const tokens = sample.map(({ token }) => token);
    const times = sample.map(({ ms }) => ms);
    const repeat = (value: string | null) => sample.map(() => value);
    const moment = new Date(now + DAY / 2);
    const drainStatements: [string, unknown[]][] = [
      [findKnownSessions(tables), [tokens, times]],
      [endSessions(tables), [tokens, times, times, repeat('logout'), repeat(null)]],
      [listOpenSessions(tables), ['-infinity', 0, 500]],
    ];
    const historyStatements: [string, unknown[]][] = [
      [listUserSessions(tables, 'text'), ['user 7', ...FIRST_PAGE, 100]],
      [listActiveSessions(tables), [moment, ...FIRST_PAGE, 100]],
      [listActiveSessions(tables), [moment, new Date(now + DAY / 4), FIRST_PAGE[1], 100]],
    ];

    const client = new Client(trail.databaseUrl);
    await client.connect();
    const fullScans = async ([sql, parameters]: [string, unknown[]]) => {
      const explain = `EXPLAIN (ANALYZE, FORMAT JSON) ${sql}`;
      const { rows } = await client.query<ExplainRow>(explain, parameters);
      return tablesReadInFull(rows[0]!);
    };
    // The first round runs without statistics, as in a partition whose month has just started.
    for (const preparation of ['BEGIN', 'ANALYZE sessions']) {
      await client.query(preparation);
      await client.query(prepareTransaction);
      for (const statement of drainStatements) expect(await fullScans(statement)).toEqual([]);
    }
    await client.query('COMMIT');
    for (const statement of historyStatements) expect(await fullScans(statement)).toEqual([]);
    await client.end();
  });
});

/** The tables that a statement read sequentially, or of which it read more than `MANY` rows. */
function tablesReadInFull(row: ExplainRow): string[] {
  return tableScans(row)
    .map((node) => ({
      rows: node['Actual Rows']! + (node['Rows Removed by Filter'] ?? 0),
      text: `${node['Node Type']} of ${node['Relation Name']}`,
    }))
    .filter(
      ({ rows, text }) => rows > MANY || (text.startsWith('Seq Scan of sessions') && rows > 0),
    )
    .map(({ rows, text }) => `${text}: ${rows} rows`);
}
