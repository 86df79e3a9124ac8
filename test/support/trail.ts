import type { LoggerService } from '@nestjs/common';
import { Pool } from 'pg';

import type { PrivatePostgres } from '../../dev/index.js';
import type { LedgerLayout, SessionModuleOptions } from '../../src/index.js';
import { createLedgerTables } from './ledger-tables.js';
import { startNestProcess, type NestProcess } from './nest-application.js';
import type { RedisUnderTest } from './redis-under-test.js';
import { expectTrailInvariants } from './trail-invariants.js';

export interface TrailOptions {
  /** The layout of the audit tables, for every process of the trail. */
  layout?: LedgerLayout;
  /** SQL to run on the empty database before the audit tables are created. */
  before?: string;
  /** Whether to create the audit tables. Default: true. */
  tables?: boolean;
  /** Set if the test writes to the tables itself: the invariants are not checked after it. */
  isForged?: boolean;
}

/** Options of one process of a trail. */
export interface ProcessOptions extends Partial<SessionModuleOptions> {
  /** Default: log lines are discarded. */
  logger?: LoggerService;
}

/** The audit trail of one application, with its own database, keys and processes. */
export interface Trail {
  readonly databaseUrl: string;
  readonly prefix: string;
  readonly layout: LedgerLayout;
  /** Starts a process of the application. */
  start(options?: ProcessOptions): Promise<NestProcess>;
  /** Queries the database directly. */
  rows<T extends object>(sql: string, parameters?: unknown[]): Promise<T[]>;
  /** See `trail-invariants.ts`. */
  expectInvariants(): Promise<void>;
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
  pool.on('error', () => undefined); // tests that kill Postgres check for the failure themselves
  const processes: NestProcess[] = [];
  if (before) await pool.query(before);
  if (tables) await createLedgerTables(databaseUrl, layout);

  return {
    databaseUrl,
    prefix,
    layout,
    async start({ logger, ...options } = {}) {
      const started = await startNestProcess(
        {
          redisTimeout: 5_000, // for a busy machine
          redis: redis.connection,
          database: databaseUrl,
          prefix,
          userId: layout.userId as SessionModuleOptions['userId'],
          ...options,
          audit: { schema: layout.schema, ...options.audit },
        },
        logger,
      );
      processes.push(started);
      return started;
    },
    async rows<T extends object>(sql: string, parameters?: unknown[]) {
      return (await pool.query<T>(sql, parameters)).rows;
    },
    expectInvariants: async () => {
      if (!isForged) await expectTrailInvariants(databaseUrl, layout, pool);
    },
    async close() {
      await Promise.all(processes.map((each) => each.close()));
      await pool.end();
    },
  };
}
