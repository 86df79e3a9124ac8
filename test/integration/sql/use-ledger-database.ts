import { afterAll, beforeAll } from '@jest/globals';
import { Client } from 'pg';
import { DataSource } from 'typeorm';

import { startPostgres, type PrivatePostgres } from '../../../dev/index.js';
import { ledgerDataSourceOptions } from '../../../src/audit/postgres/schema.js';

/** A Postgres with the audit tables, for a block of tests. */
export interface LedgerDatabaseGround {
  readonly url: string;
  /** As a superuser, over one connection: a role or a search path that a test sets stays set. */
  readonly client: Client;
  /** The rows that a statement gives. */
  rows<T extends object = Record<string, unknown>>(sql: string, args?: unknown[]): Promise<T[]>;
}

export function useLedgerDatabase(): LedgerDatabaseGround {
  let postgres: PrivatePostgres | undefined;
  let client: Client | undefined;

  beforeAll(async () => {
    postgres = await startPostgres();
    await makeTables(postgres.url);
    client = new Client({ connectionString: postgres.url });
    await client.connect();
  });
  afterAll(async () => {
    await client?.end();
    await postgres?.stop();
  });

  return {
    get url() {
      return postgres!.url;
    },
    get client() {
      return client!;
    },
    async rows<T extends object>(sql: string, args?: unknown[]) {
      return (await client!.query<T>(sql, args)).rows;
    },
  };
}

/** Runs the migrations, as `npm run migration:run` does. */
export async function makeTables(url: string): Promise<void> {
  const dataSource = new DataSource(ledgerDataSourceOptions(url));
  await dataSource.initialize();
  try {
    await dataSource.runMigrations();
  } finally {
    await dataSource.destroy();
  }
}
