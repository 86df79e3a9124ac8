import { beforeAll, describe, expect, it } from '@jest/globals';

import { answers } from './answers.js';
import { CROWD, gatherCrowd, makeMonths } from './crowd.js';
import { largeTablesReadWhole } from './plans.js';
import { recipe, recipes } from './recipes.js';
import { tellStory } from './story.js';
import { useLedgerDatabase } from './use-ledger-database.js';

/**
 * Months that a statement may read from end to end: its 30 days before 10 March are most of
 * February, so that an index would only make it slower.
 */
const READ_WHOLE: Record<string, string[]> = {
  'Who was signed in at noon?': ['sessions_2026_02'],
  'The most sessions at once on a day': ['sessions_2026_02'],
  'Sessions that disagree with the ledger': ['sessions_2026_02'],
};

describe('the cookbook of docs/sql.md, asked about a known day amid half a year of others', () => {
  const database = useLedgerDatabase();

  beforeAll(async () => {
    await makeMonths(database.client);
    await tellStory(database.client);
    await gatherCrowd(database.client);
  }, 240_000);

  /** The rows as JSON: times and intervals as Postgres writes them. */
  async function ask(sql: string): Promise<unknown[]> {
    const asked = `SELECT to_jsonb(answer) AS row FROM (${sql.trim().replace(/;$/, '')}) answer`;
    return (await database.rows<{ row: unknown }>(asked)).map(({ row }) => row);
  }

  it.each(Object.keys(answers))('%s', async (heading) => {
    const rows = await ask(recipe(heading));

    expect(rows).toEqual(answers[heading]!.map((row) => expect.objectContaining(row)));
  });

  it('How fast the ledger grows', async () => {
    const rows = await ask(recipe('How fast the ledger grows'));

    const march = expect.objectContaining({ partition: 'sessions_2026_03' });
    expect(rows).toContainEqual(march);
    const sum = (rows as { partition: string; rows: number }[])
      .filter(({ partition }) => partition.startsWith('sessions_'))
      .reduce((total, { rows: count }) => total + count, 0);
    expect(sum).toBeGreaterThan(CROWD * 0.95);
  });

  it('leaves no statement of the cookbook unasked', () => {
    const cookbook = recipes.filter(({ part }) => part === 'Cookbook');

    expect(cookbook.map(({ heading }) => heading).toSorted()).toEqual(
      [...Object.keys(answers), 'How fast the ledger grows'].toSorted(),
    );
    expect(cookbook.length).toBeGreaterThanOrEqual(12);
  });

  const planned = recipes.filter(({ sql }) => /^(SELECT|WITH|UPDATE|DELETE)/.test(sql));
  it.each(planned.map(({ heading }) => heading))(
    'needs no large table as a whole for: %s',
    async (heading) => {
      const allowed = READ_WHOLE[heading] ?? [];
      const read = await largeTablesReadWhole(database.client, recipe(heading));

      expect(read.filter((table) => !allowed.includes(table))).toEqual([]);
    },
  );

  it('would notice a large table that is read as a whole', async () => {
    const sql = `SELECT * FROM sessions WHERE ip = '192.0.2.10' AND created_at < '2026-02-01Z'`;

    expect(await largeTablesReadWhole(database.client, sql)).toEqual(['sessions_2026_01']);
  });

  it('finds the sessions of a month that are not over', async () => {
    const sql = recipe('Is a month of sessions over?');

    expect(await ask(sql)).toEqual([]);
    const march = sql.replace('2026-02-01', '2026-04-01').replace('2026-01-01', '2026-03-01');
    expect(await ask(march)).toHaveLength(4);
  });
});
