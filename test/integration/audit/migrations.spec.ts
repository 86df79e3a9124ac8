import { describe, expect, it } from '@jest/globals';
import { DataSource } from 'typeorm';

import { ledgerDataSourceOptions, type LedgerLayout } from '../../../src/index.js';
import type { Trail } from '../../support/trail.js';
import { useLedger } from '../../support/use-ledger.js';

const USERS = 'CREATE TABLE users (id uuid PRIMARY KEY)';
const LAYOUTS: [name: string, layout: LedgerLayout, before: string][] = [
  ['the default layout', {}, ''],
  ['a schema other than public', { schema: 'Audit' }, 'CREATE SCHEMA "Audit"'],
  ['integer user IDs', { userId: { type: 'integer' } }, ''],
  ['bigint user IDs', { userId: { type: 'bigint' } }, ''],
  [
    'a reference to a users table',
    { userId: { type: 'uuid', references: { table: 'users' } } },
    USERS,
  ],
];

describe('Migrations of the audit tables', () => {
  const fixture = useLedger();

  const withDataSource = async <T>(
    { databaseUrl, layout }: Trail,
    work: (dataSource: DataSource) => Promise<T>,
  ) => {
    const dataSource = new DataSource(ledgerDataSourceOptions(databaseUrl, layout));
    await dataSource.initialize();
    try {
      return await work(dataSource);
    } finally {
      await dataSource.destroy();
    }
  };

  /** Names of the tables, sequences and functions that the migrations created. */
  const createdObjects = (trail: Trail) =>
    trail.rows(`
      SELECT relname AS name FROM pg_class WHERE relnamespace::regnamespace::text
        IN ('public', '"Audit"') AND relkind IN ('r', 'p', 'S') AND relname !~ '^(users|session_ledger_migrations)'
      UNION ALL SELECT proname FROM pg_proc
        WHERE pronamespace::regnamespace::text IN ('public', '"Audit"')`);

  it.each(LAYOUTS)(
    'migrations for %s match the entities, and can be reverted and run again',
    async (_, layout, before) => {
      const trail = await fixture.open({ layout, before, tables: false });
      await withDataSource(trail, async (dataSource) => {
        expect(await dataSource.runMigrations()).toHaveLength(3);
        expect(await dataSource.runMigrations()).toHaveLength(0);
        const { upQueries } = await dataSource.driver.createSchemaBuilder().log();
        expect(upQueries.map(({ query }) => query)).toEqual([]);

        for (let count = 0; count < 3; count += 1) await dataSource.undoLastMigration();
        expect(await createdObjects(trail)).toEqual([]);
        expect(await dataSource.runMigrations()).toHaveLength(3);
      });
    },
  );

  it('several processes that start at once with audit.migrate run the migrations once', async () => {
    const trail = await fixture.open({ layout: { schema: 'Audit' }, tables: false });
    const apps = await Promise.all([1, 2, 3].map(() => trail.start({ audit: { migrate: true } })));
    for (const app of apps) expect(await app.audit.health()).toMatchObject({ deadLetters: 0 });
    await apps[0]!.sessions.createSession({ userId: 'ada' });
  });

  it('a worker that starts without the tables fails with a hint to run the migrations', async () => {
    const trail = await fixture.open({ tables: false });
    await expect(trail.start()).rejects.toMatchObject({
      code: 'ERR_SESSION_DATABASE_UNSUITABLE',
      message: expect.stringContaining('npx session-ledger migrate'),
    });
  });
});
