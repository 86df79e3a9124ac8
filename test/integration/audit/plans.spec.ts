import { describe, expect, it } from '@jest/globals';
import { Client } from 'pg';

import { ledgerTables } from '../../../src/audit/postgres/ledger-tables.js';
import { endSessions } from '../../../src/audit/sql/end-sessions.js';
import { findKnownSessions } from '../../../src/audit/sql/find-known-sessions.js';
import { listActiveSessions } from '../../../src/audit/sql/list-active-sessions.js';
import { listOpenSessions } from '../../../src/audit/sql/list-open-sessions.js';
import { listUserSessions } from '../../../src/audit/sql/list-user-sessions.js';
import { prepareTransaction } from '../../../src/audit/sql/prepare-transaction.js';
import { DAY } from '../../support/application.js';
import { tablesReadWhole, type Explained } from './explained.js';
import { seedSessions } from './seed-sessions.js';
import { useLedger } from './use-ledger.js';

const ROWS = 150_000; // in each of two partitions
const BATCH = 1_000;
const LAST = ['infinity', '9223372036854775807'];
const tables = ledgerTables('public');
const users = Array.from({ length: 1_000 }, (_, i) => `user ${i}`);

describe('where the tables are large', () => {
  const ground = useLedger();

  it('every statement finds its rows by an index', async () => {
    const trail = await ground.open({ isForged: true });
    const web = await trail.start({ audit: { worker: false } });
    await web.sessions.createSession({ userId: 'ada' });
    const now = Date.now();
    for (const from of [now, now + 31 * DAY]) {
      await seedSessions(trail, { users, count: ROWS, from, step: 600 });
    }
    const some = await trail.rows<{ token: string; ms: string }>(
      `SELECT token, (extract(epoch FROM created_at) * 1000)::bigint AS ms
       FROM sessions ORDER BY random() LIMIT ${BATCH}`,
    );
    const tokens = some.map(({ token }) => token);
    const times = some.map(({ ms }) => ms);
    const same = (value: string | null) => some.map(() => value);
    const moment = new Date(now + DAY / 2);
    const drain: [string, unknown[]][] = [
      [findKnownSessions(tables), [tokens, times]],
      [endSessions(tables), [tokens, times, times, same('logout'), same(null)]],
      [listOpenSessions(tables), ['-infinity', 0, 500]],
    ];
    const questions: [string, unknown[]][] = [
      [listUserSessions(tables, 'text'), ['user 7', ...LAST, 100]],
      [listActiveSessions(tables), [moment, ...LAST, 100]],
      [listActiveSessions(tables), [moment, new Date(now + DAY / 4), LAST[1], 100]],
    ];

    const client = new Client(trail.databaseUrl);
    await client.connect();
    const readWhole = async ([sql, parameters]: [string, unknown[]]) => {
      const explain = `EXPLAIN (ANALYZE, FORMAT JSON) ${sql}`;
      const { rows } = await client.query<Explained>(explain, parameters);
      return tablesReadWhole(rows[0]!);
    };
    // First as they are an hour into a month, when the planner knows nothing of the partition yet.
    for (const statement of ['BEGIN', 'ANALYZE sessions']) {
      await client.query(statement);
      await client.query(prepareTransaction);
      for (const question of drain) expect(await readWhole(question)).toEqual([]);
    }
    await client.query('COMMIT');
    for (const question of questions) expect(await readWhole(question)).toEqual([]);
    await client.end();
  });
});
