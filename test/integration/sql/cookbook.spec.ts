import { beforeAll, describe, expect, it } from '@jest/globals';

import { tableScans, type ExplainRow } from '../../support/query-plan.js';
import {
  BACKGROUND_SESSIONS,
  createPartitions,
  insertBackgroundSessions,
} from './background-sessions.js';
import { expectedAnswers } from './expected-answers.js';
import { recipe, recipes } from './recipes.js';
import { insertSampleSessions } from './sample-sessions.js';
import { useLedgerDatabase } from './use-ledger-database.js';

/**
 * Partitions that a query may scan: the 30 days before 10 March are most of February, so an index
 * would only make it slower.
 */
const ALLOWED_SCANS: Record<string, string[]> = {
  'Who was signed in at noon?': ['sessions_2026_02'],
  'Peak number of sessions on a day': ['sessions_2026_02'],
  'Rows that disagree with the ledger': ['sessions_2026_02'],
};

/** Queries the sample sessions of one day among half a year of background sessions. */
describe('The cookbook of docs/sql.md', () => {
  const database = useLedgerDatabase();

  beforeAll(async () => {
    await createPartitions(database.client);
    await insertSampleSessions(database.client);
    await insertBackgroundSessions(database.client);
  }, 240_000);

  /** Runs a query and returns its rows as JSON: times and intervals as Postgres writes them. */
  async function query(sql: string): Promise<unknown[]> {
    const asJson = `SELECT to_jsonb(answer) AS row FROM (${sql.trim().replace(/;$/, '')}) answer`;
    return (await database.rows<{ row: unknown }>(asJson)).map(({ row }) => row);
  }

  /** The large tables that Postgres would scan sequentially for a query. */
  async function largeTableScans(sql: string): Promise<string[]> {
    const [plan] = await database.rows<ExplainRow>(`EXPLAIN (FORMAT JSON) ${sql}`);
    const scanned = tableScans(plan!)
      .filter((node) => node['Node Type'] === 'Seq Scan')
      .map((node) => node['Relation Name']);
    const large = await database.rows<{ name: string }>(
      `SELECT relname AS name FROM pg_class
       WHERE relname = ANY ($1) AND reltuples > 1000 ORDER BY relname`,
      [scanned],
    );
    return large.map(({ name }) => name);
  }

  it.each(Object.keys(expectedAnswers))(
    'the query "%s" gives the right answer',
    async (heading) => {
      const rows = await query(recipe(heading));

      expect(rows).toEqual(expectedAnswers[heading]!.map((row) => expect.objectContaining(row)));
    },
  );

  it('the query "How fast the ledger grows" counts the rows of each month', async () => {
    const rows = await query(recipe('How fast the ledger grows'));

    const march = expect.objectContaining({ partition: 'sessions_2026_03' });
    expect(rows).toContainEqual(march);
    const sum = (rows as { partition: string; rows: number }[])
      .filter(({ partition }) => partition.startsWith('sessions_'))
      .reduce((total, { rows: count }) => total + count, 0);
    expect(sum).toBeGreaterThan(BACKGROUND_SESSIONS * 0.95);
  });

  it('every query of the cookbook has a test', () => {
    const cookbook = recipes.filter(({ section }) => section === 'Cookbook');

    expect(cookbook.map(({ heading }) => heading).toSorted()).toEqual(
      [...Object.keys(expectedAnswers), 'How fast the ledger grows'].toSorted(),
    );
    expect(cookbook.length).toBeGreaterThanOrEqual(12);
  });

  const planned = recipes.filter(({ sql }) => /^(SELECT|WITH|UPDATE|DELETE)/.test(sql));
  it.each(planned.map(({ heading }) => heading))(
    'the query "%s" does not scan a large table sequentially',
    async (heading) => {
      const allowed = ALLOWED_SCANS[heading] ?? [];
      const scans = await largeTableScans(recipe(heading));

      expect(scans.filter((table) => !allowed.includes(table))).toEqual([]);
    },
  );

  it('the check for sequential scans notices one', async () => {
    const sql = `SELECT * FROM sessions WHERE ip = '192.0.2.10' AND created_at < '2026-02-01Z'`;

    expect(await largeTableScans(sql)).toEqual(['sessions_2026_01']);
  });

  it('the query "Have all sessions of a month ended?" lists those that have not', async () => {
    const sql = recipe('Have all sessions of a month ended?');

    expect(await query(sql)).toEqual([]);
    const march = sql.replace('2026-02-01', '2026-04-01').replace('2026-01-01', '2026-03-01');
    expect(await query(march)).toHaveLength(4);
  });
});
