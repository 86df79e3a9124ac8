import { afterAll, beforeAll } from '@jest/globals';
import { Client } from 'pg';

import { startPostgres, type PrivatePostgres } from '../../../dev/index.js';
import { createLedgerTables } from '../../support/ledger-tables.js';

/** A Postgres with the audit tables, for the tests of a block. */
export interface LedgerDatabase {
  readonly url: string;
  /** A superuser's connection. A role or search path that a test sets stays set. */
  readonly client: Client;
  /** Returns the rows of a statement. */
  rows<T extends object = Record<string, unknown>>(sql: string, args?: unknown[]): Promise<T[]>;
}

export function useLedgerDatabase(): LedgerDatabase {
  let postgres: PrivatePostgres | undefined;
  let client: Client | undefined;

  beforeAll(async () => {
    postgres = await startPostgres();
    await createLedgerTables(postgres.url);
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
