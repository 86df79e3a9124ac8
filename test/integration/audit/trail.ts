import { Pool } from 'pg';
import { DataSource } from 'typeorm';

import type { PrivatePostgres } from '../../../dev/index.js';
import { ledgerDataSourceOptions, type LedgerLayout } from '../../../src/index.js';
import type { RedisUnderTest } from '../../support/redis-under-test.js';
import { startProcess, type AuditedProcess, type ProcessOptions } from './audited-process.js';
import { proveTrail } from './prove-trail.js';

export interface TrailOptions {
  /** How the audit tables look; every process of the trail gets it. */
  layout?: LedgerLayout;
  /** Statements to run on the empty database, before the audit tables are made. */
  before?: string;
  /** Whether to make the audit tables. */
  tables?: boolean;
  /** The test writes into the tables itself, so there is nothing to prove after it. */
  isForged?: boolean;
}

/** The audit trail of one application: a database and keys of its own, and its processes. */
export interface Trail {
  readonly databaseUrl: string;
  readonly prefix: string;
  readonly layout: LedgerLayout;
  /** Starts a process of the application. */
  start(options?: ProcessOptions): Promise<AuditedProcess>;
  /** Asks the database, past all code of ours. */
  rows<T extends object>(sql: string, parameters?: unknown[]): Promise<T[]>;
  /** Expects the trail to be of one piece. */
  prove(): Promise<void>;
  close(): Promise<void>;
}

let trails = 0;

export async function openTrail(
  redis: RedisUnderTest,
  postgres: PrivatePostgres,
  { layout = {}, before, tables = true, isForged = false }: TrailOptions = {},
): Promise<Trail> {
  const prefix = `trail${++trails}`;
  const databaseUrl = await postgres.createDatabase(prefix);
  const pool = new Pool({ connectionString: databaseUrl, max: 3 });
  pool.on('error', () => undefined); // tests that kill Postgres see it elsewhere
  const processes: AuditedProcess[] = [];
  if (before) await pool.query(before);
  if (tables) await makeTables(databaseUrl, layout);

  return {
    databaseUrl,
    prefix,
    layout,
    async start(options = {}) {
      const started = await startProcess({
        redisTimeout: 5_000, // the machine may be busy
        redis: redis.connection,
        database: databaseUrl,
        prefix,
        userId: layout.userId as ProcessOptions['userId'],
        ...options,
        audit: { schema: layout.schema, ...options.audit },
      });
      processes.push(started);
      return started;
    },
    async rows<T extends object>(sql: string, parameters?: unknown[]) {
      return (await pool.query<T>(sql, parameters)).rows;
    },
    prove: async () => {
      if (!isForged) await proveTrail(databaseUrl, layout, pool);
    },
    async close() {
      await Promise.all(processes.map((each) => each.close()));
      await pool.end();
    },
  };
}

async function makeTables(url: string, layout: LedgerLayout): Promise<void> {
  const dataSource = await new DataSource(ledgerDataSourceOptions(url, layout)).initialize();
  await dataSource.runMigrations();
  await dataSource.destroy();
}
