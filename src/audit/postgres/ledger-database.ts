import { DataSource, MigrationExecutor, type DataSourceOptions, type QueryRunner } from 'typeorm';

import { SessionError } from '../../errors.js';
import { ledgerDataSourceOptions, type LedgerLayout } from './schema.js';
import { databaseError, isDataError } from './database-errors.js';
import { waitAtMost } from '../wait-at-most.js';
import { lockMigrations, unlockMigrations } from '../sql/lock-migrations.js';
import { prepareTransaction } from '../sql/prepare-transaction.js';

/** How to reach Postgres; see `DatabaseConnection` in the options. */
export type LedgerConnection =
  string | Omit<Extract<DataSourceOptions, { type: 'postgres' }>, 'type'> | DataSource;

type Isolation = 'READ COMMITTED' | 'REPEATABLE READ';

/** How long a shutdown waits for Postgres, ms. */
const CLOSE_TIMEOUT = 5_000;

/**
 * The audit trail's way to Postgres. It connects at the first need, and again at the next where
 * that failed: an application starts, and its sessions work, while Postgres is away.
 *
 * Errors are `ERR_SESSION_DATABASE_…`; only those that lie in the data come through as they are.
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
    this.isGiven = connection instanceof DataSource;
    this.dataSource = toDataSource(connection, layout);
    this.migrated = !migrate;
  }

  async query<T>(sql: string, parameters: unknown[] = []): Promise<T[]> {
    return this.use((runner) => runner.query(sql, parameters));
  }

  /** Runs `work` in a transaction: committed when it resolves, rolled back when it throws. */
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

  /** Closes what was opened here; a `DataSource` that was given stays open. */
  async close(): Promise<void> {
    this.closed = true;
    // Whoever still waits for an answer has had the time that a shutdown gives.
    await waitAtMost(CLOSE_TIMEOUT, Promise.all([...this.busy].map(dropConnection)));
    await waitAtMost(CLOSE_TIMEOUT, this.release());
  }

  /** Runs `work` on a connection of its own, which isn't used again after it failed. */
  private async use<T>(work: (runner: QueryRunner) => Promise<T>): Promise<T> {
    try {
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
    } catch (error) {
      throw isDataError(error) ? error : databaseError(error);
    }
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

  /** A connection that is just being made is waited for, so that it can be closed as well. */
  private async release(): Promise<void> {
    await this.connecting?.catch(() => undefined);
    if (this.dataSource?.isInitialized && !this.isGiven) await this.dataSource.destroy();
  }
}

/**
 * Ends a transaction that failed. A roll-back asks Postgres for an answer; where it just gave none,
 * the connection is cut instead, which has the same effect.
 */
async function undo(runner: QueryRunner, error: unknown): Promise<void> {
  if (!isDataError(error) && !(error instanceof SessionError)) return dropConnection(runner);
  if (runner.isTransactionActive)
    await runner.rollbackTransaction().catch(() => dropConnection(runner));
}

async function dropConnection(runner: QueryRunner): Promise<void> {
  try {
    const client: { end(): Promise<void> } = await runner.connect();
    // Not awaited: its answer may never come. The pool forgets a client that is ending.
    client.end().catch(() => undefined);
  } catch {
    // It never was connected.
  }
}

/** By one process at a time: several may start at once on an empty database. */
async function runMigrations(dataSource: DataSource): Promise<void> {
  const runner = dataSource.createQueryRunner();
  try {
    await runner.query(lockMigrations);
    // TypeORM keeps its own table there, too, and makes it before any migration runs.
    const { schema } = dataSource.options as { schema?: string };
    if (schema) await runner.createSchema(schema, true);
    const executor = new MigrationExecutor(dataSource, runner);
    executor.transaction = 'each';
    await executor.executePendingMigrations();
    await runner.query(unlockMigrations);
  } catch (error) {
    await dropConnection(runner); // and with the connection goes the lock
    throw error;
  } finally {
    await runner.release();
  }
}

function toDataSource(
  connection: LedgerConnection | undefined,
  layout: LedgerLayout,
): DataSource | null {
  if (connection === undefined || connection instanceof DataSource) return connection ?? null;
  return new DataSource(ledgerDataSourceOptions(connection, layout));
}

function withoutDatabase(): SessionError {
  return new SessionError(
    'ERR_SESSION_OPTIONS',
    'This process has no way to the audit trail: the option `database` was left out.',
  );
}

function shutDown(): SessionError {
  return new SessionError(
    'ERR_SESSION_DATABASE_UNAVAILABLE',
    'This process is shutting down. Its events wait in Redis for the next one.',
  );
}
