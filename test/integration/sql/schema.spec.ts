import { describe, expect, it } from '@jest/globals';

import { document } from './recipes.js';
import { useLedgerDatabase } from './use-ledger-database.js';

const TABLES = [
  'sessions',
  'session_events',
  'session_chains',
  'session_dead_letters',
  'session_ledger',
  'session_incidents',
];

describe('The tables in docs/sql.md', () => {
  const database = useLedgerDatabase();

  /** The document's section about a table. */
  function sectionOf(table: string): string {
    const [, section] = document.split(`\n### ${table}\n`);
    return section!.split(/\n##/)[0]!;
  }

  it.each(TABLES)('docs/sql.md lists every column of %s with its type', async (table) => {
    const columns = await database.rows<{ name: string; type: string }>(
      `SELECT attname AS name, format_type(atttypid, atttypmod) AS type FROM pg_attribute
       WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attname`,
      [table],
    );

    const documented = [
      ...sectionOf(table).matchAll(/^\| `(\w+)` +\| (as configured|`[^`]+`)/gm),
    ].filter(([, name]) => !/_(idx|key|pkey)$/.test(name!));

    const asDocumented = ({ name, type }: { name: string; type: string }) => [
      name,
      name === 'user_id'
        ? 'as configured'
        : `\`${type.replace('timestamp(3) with time zone', 'timestamptz(3)')}\``,
    ];
    expect(documented.map(([, name, type]) => [name, type]).toSorted()).toEqual(
      columns.map(asDocumented).toSorted(),
    );
  });

  it.each(TABLES)('docs/sql.md lists every index of %s', async (table) => {
    const indexes = await database.rows<{ name: string }>(
      `SELECT indexrelid::regclass::text AS name FROM pg_index WHERE indrelid = $1::regclass`,
      [table],
    );

    expect(indexes.length).toBeGreaterThan(0);
    for (const { name } of indexes) expect(sectionOf(table)).toContain(`\`${name}\``);
  });

  it('docs/sql.md names every trigger', async () => {
    const triggers = await database.rows<{ name: string }>(
      `SELECT DISTINCT tgname AS name FROM pg_trigger WHERE NOT tgisinternal`,
    );

    expect(triggers).toHaveLength(4);
    for (const { name } of triggers) expect(document).toContain(`\`${name}\``);
  });
});
