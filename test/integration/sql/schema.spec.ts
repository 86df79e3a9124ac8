import { describe, expect, it } from '@jest/globals';

import { document } from './recipes.js';
import { useLedgerDatabase } from './use-ledger-database.js';

const TABLES = ['sessions', 'session_events', 'session_chains', 'session_dead_letters'];

describe('the schema in docs/sql.md', () => {
  const database = useLedgerDatabase();

  /** What the document says in the part about a table. */
  function partOf(table: string): string {
    const [, part] = document.split(`\n### ${table}\n`);
    return part!.split(/\n##/)[0]!;
  }

  it.each(TABLES)('names every column of %s, with its type, in order', async (table) => {
    const columns = await database.rows<{ name: string; type: string }>(
      `SELECT attname AS name, format_type(atttypid, atttypmod) AS type FROM pg_attribute
       WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attname`,
      [table],
    );

    const told = [...partOf(table).matchAll(/^\| `(\w+)` +\| (as configured|`[^`]+`)/gm)].filter(
      ([, name]) => !/_(idx|key|pkey)$/.test(name!),
    );

    const asTold = ({ name, type }: { name: string; type: string }) => [
      name,
      name === 'user_id'
        ? 'as configured'
        : `\`${type.replace('timestamp(3) with time zone', 'timestamptz(3)')}\``,
    ];
    expect(told.map(([, name, type]) => [name, type]).toSorted()).toEqual(
      columns.map(asTold).toSorted(),
    );
  });

  it.each(TABLES)('names every index of %s', async (table) => {
    const indexes = await database.rows<{ name: string }>(
      `SELECT indexrelid::regclass::text AS name FROM pg_index WHERE indrelid = $1::regclass`,
      [table],
    );

    expect(indexes.length).toBeGreaterThan(0);
    for (const { name } of indexes) expect(partOf(table)).toContain(`\`${name}\``);
  });

  it('names every trigger', async () => {
    const triggers = await database.rows<{ name: string }>(
      `SELECT DISTINCT tgname AS name FROM pg_trigger WHERE NOT tgisinternal`,
    );

    expect(triggers).toHaveLength(2);
    for (const { name } of triggers) expect(document).toContain(`\`${name}\``);
  });
});
