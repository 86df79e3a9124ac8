import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Client } from 'pg';

import { startPostgres, type PrivatePostgres } from '../../../dev/index.js';
import { ledgerSchema } from '../../../src/index.js';

const execute = promisify(execFile);

/** Runs TypeORM's command line through the npm scripts that CONTRIBUTING.md names. */
describe('npm run migration', () => {
  let postgres: PrivatePostgres;

  beforeAll(async () => {
    postgres = await startPostgres();
  });

  afterAll(async () => {
    await postgres.stop();
  });

  async function run(script: string): Promise<string> {
    const env = { ...process.env, DATABASE_URL: postgres.url, NODE_OPTIONS: '' };
    const { stdout } = await execute('npm', ['run', '--silent', script], { env });
    return stdout;
  }

  async function tables(): Promise<string[]> {
    const client = new Client(postgres.url);
    await client.connect();
    const { rows } = await client.query(
      `SELECT relname FROM pg_class WHERE relname LIKE 'session%' AND relkind IN ('r', 'p')
       AND NOT relispartition ORDER BY relname`,
    );
    await client.end();
    return rows.map((row: { relname: string }) => row.relname);
  }

  test('migration:run creates the audit tables, and migration:revert undoes one migration after the other', async () => {
    await run('migration:run');
    expect(await tables()).toEqual(
      expect.arrayContaining([
        'session_chains',
        'session_dead_letters',
        'session_events',
        'session_incidents',
        'session_ledger',
        'sessions',
      ]),
    );
    for (const _ of ledgerSchema().migrations) await run('migration:revert');
    expect(await tables()).toEqual(['session_ledger_migrations']);
  });
});
