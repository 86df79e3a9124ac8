import { DataSource, type DataSourceOptions, type QueryRunner } from 'typeorm';

import { isDataSource } from '../../compat.js';
import { SessionError } from '../../errors.js';
import { waitAtMost } from '../wait-at-most.js';
import { databaseError, isDataError } from './errors.js';
import { dropConnection, runMigrations } from './migrator.js';
import { ledgerDataSourceOptions, type LedgerLayout } from './schema.js';

/** How to reach Postgres; see `DatabaseConnection` in the options. */
export type LedgerConnection =
  string | Omit<Extract<DataSourceOptions, { type: 'postgres' }>, 'type'> | DataSource;

type Isolation = 'READ COMMITTED' | 'REPEATABLE READ';

/** How long a shutdown waits for Postgres (ms). */
const CLOSE_TIMEOUT = 5_000;

/**
 * Settings of every transaction, whatever the database's defaults are:
 *
 * - `synchronous_commit`: a committed batch must be on disk, because it is deleted from Redis next.
 *   A stronger setting is kept.
 * - `idle_in_transaction_session_timeout`: a process that freezes within a transaction loses it,
 *   and with it the lock on its chain.
 * - `enable_…`: a batch joins 1,000 keys to tables of any size, one index lookup each. For a
 *   partition that has not been analyzed yet, the planner would rather read all of it, which
 *   measured 50 times as slow.
 * - `jit`: compiling these statements takes longer than running them.
 */
export const prepareTransaction = `
SELECT set_config('synchronous_commit', CASE current_setting('synchronous_commit')
                  WHEN 'off' THEN 'on' ELSE current_setting('synchronous_commit') END, true),
       set_config('idle_in_transaction_session_timeout', '10s', true),
       set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true),
       set_config('enable_bitmapscan', 'off', true),
       set_config('jit', 'off', true)`;

/**
 * The audit trail's connection to Postgres. It connects when it is first used, and after a failure
 * when it is next used: an application starts, and its sessions work, while Postgres is down.
 *
 * All errors are `SessionError`s with a code `ERR_SESSION_DATABASE_…`, except for data errors (see
 * `isDataError`), which are passed on unchanged.
 */
export class LedgerDatabase {
  private readonly dataSource: DataSource | null;
  private readonly isGiven: boolean;
  private readonly busy = new Set<QueryRunner>();
  private connecting: Promise<void> | undefined;
  private migrated: boolean;
  private closed = false;

  /** @param migrate run the pending migrations of the `DataSource` once it is connected */
  constructor(connection: LedgerConnection | undefined, layout: LedgerLayout, migrate: boolean) {
    this.isGiven = typeof connection === 'object' && isDataSource(connection);
    this.dataSource = toDataSource(connection, layout);
    this.migrated = !migrate;
  }

  async query<T>(sql: string, parameters: unknown[] = []): Promise<T[]> {
    return this.use((runner) => runner.query(sql, parameters));
  }

  /** Runs `work` in a transaction: commits if it resolves, rolls back if it throws. */
  async transaction<T>(
    work: (runner: QueryRunner) => Promise<T>,
    isolation: Isolation = 'READ COMMITTED',
  ): Promise<T> {
    return this.use(async (runner) => {
      await runner.startTransaction(isolation);
      await runner.query(prepareTransaction);
      const result = await work(runner);
      await runner.commitTransaction();
      return result;
    });
  }

  /** Runs `work` on the `DataSource` itself, connected. */
  async withDataSource<T>(work: (dataSource: DataSource) => Promise<T>): Promise<T> {
    return withLedgerErrors(async () => work(await this.connect()));
  }

  /** Closes the connections that it opened. A `DataSource` of the application's stays open. */
  async close(): Promise<void> {
    this.closed = true;
    // The shutdown has already waited for the jobs: a call that is still unanswered is given up.
    await waitAtMost(CLOSE_TIMEOUT, Promise.all([...this.busy].map(dropConnection)));
    await waitAtMost(CLOSE_TIMEOUT, this.release());
  }

  /** Runs `work` on its own connection. If it fails, the connection is rolled back or dropped. */
  private async use<T>(work: (runner: QueryRunner) => Promise<T>): Promise<T> {
    return withLedgerErrors(async () => {
      const dataSource = await this.connect();
      const runner = dataSource.createQueryRunner();
      this.busy.add(runner);
      try {
        return await work(runner);
      } catch (error) {
        await undo(runner, error);
        throw error;
      } finally {
        this.busy.delete(runner);
        await runner.release();
      }
    });
  }

  private async connect(): Promise<DataSource> {
    const { dataSource } = this;
    if (!dataSource) throw withoutDatabase();
    if (this.closed) throw shutDown();
    if (dataSource.isInitialized && this.migrated) return dataSource;
    this.connecting ??= this.initialize(dataSource).finally(() => (this.connecting = undefined));
    await this.connecting;
    if (this.closed) throw shutDown();
    return dataSource;
  }

  private async initialize(dataSource: DataSource): Promise<void> {
    if (!dataSource.isInitialized) await dataSource.initialize();
    if (this.migrated) return;
    await runMigrations(dataSource);
    this.migrated = true;
  }

  /** Waits for a connection that is being opened, so that it is closed as well. */
  private async release(): Promise<void> {
    await this.connecting?.catch(() => undefined);
    if (this.dataSource?.isInitialized && !this.isGiven) await this.dataSource.destroy();
  }
}

async function withLedgerErrors<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw isDataError(error) ? error : databaseError(error);
  }
}

/**
 * Ends a failed transaction. A rollback needs an answer from Postgres. If Postgres has just failed
 * to answer, the connection is dropped instead, which has the same effect.
 */
async function undo(runner: QueryRunner, error: unknown): Promise<void> {
  if (!isDataError(error) && !(error instanceof SessionError)) return dropConnection(runner);
  if (runner.isTransactionActive)
    await runner.rollbackTransaction().catch(() => dropConnection(runner));
}

function toDataSource(
  connection: LedgerConnection | undefined,
  layout: LedgerLayout,
): DataSource | null {
  if (connection === undefined) return null;
  if (typeof connection === 'object' && isDataSource(connection)) return connection;
  return new DataSource(ledgerDataSourceOptions(connection, layout));
}

function withoutDatabase(): SessionError {
  return new SessionError(
    'ERR_SESSION_OPTIONS',
    'This process has no access to the audit trail: the option `database` is not set.',
  );
}

function shutDown(): SessionError {
  return new SessionError(
    'ERR_SESSION_DATABASE_UNAVAILABLE',
    'This process is shutting down. Its events wait in Redis for another process.',
  );
}
