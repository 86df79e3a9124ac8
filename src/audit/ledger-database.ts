import { DataSource, type DataSourceOptions, type QueryRunner } from 'typeorm';

import { ledgerDataSourceOptions, type LedgerLayout } from './data-source-options.js';
import { SessionError } from '../session.errors.js';
import { databaseError, isDataError } from './database-errors.js';

/** How to reach Postgres; see `DatabaseConnection` in the options. */
export type LedgerConnection =
  string | Omit<Extract<DataSourceOptions, { type: 'postgres' }>, 'type'> | DataSource;

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
  private connecting: Promise<void> | undefined;
  private migrated: boolean;

  /** @param migrate run the pending migrations of the `DataSource` once it is connected */
  constructor(connection: LedgerConnection | undefined, layout: LedgerLayout, migrate: boolean) {
    this.isGiven = connection instanceof DataSource;
    this.dataSource = toDataSource(connection, layout);
    this.migrated = !migrate;
  }

  async query<T>(sql: string, parameters: unknown[] = []): Promise<T[]> {
    try {
      const dataSource = await this.connect();
      return await dataSource.query(sql, parameters);
    } catch (error) {
      throw isDataError(error) ? error : databaseError(error);
    }
  }

  /** Runs `work` in a transaction: committed when it resolves, rolled back when it throws. */
  async transaction<T>(
    work: (runner: QueryRunner) => Promise<T>,
    isolation: 'READ COMMITTED' | 'REPEATABLE READ' = 'READ COMMITTED',
  ): Promise<T> {
    try {
      const dataSource = await this.connect();
      return await attempt(dataSource, work, isolation);
    } catch (error) {
      throw isDataError(error) ? error : databaseError(error);
    }
  }

  /** Closes what was opened here; a `DataSource` that was given stays open. */
  async close(): Promise<void> {
    if (this.isGiven || !this.dataSource?.isInitialized) return;
    let timer: NodeJS.Timeout | undefined;
    // A connection whose server gives no answer would hold the shutdown up for ever.
    const tooLong = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, CLOSE_TIMEOUT);
    });
    await Promise.race([this.dataSource.destroy().catch(() => undefined), tooLong]);
    clearTimeout(timer);
  }

  private async connect(): Promise<DataSource> {
    const { dataSource } = this;
    if (!dataSource) throw withoutDatabase();
    if (dataSource.isInitialized && this.migrated) return dataSource;
    this.connecting ??= this.initialize(dataSource).finally(() => (this.connecting = undefined));
    await this.connecting;
    return dataSource;
  }

  private async initialize(dataSource: DataSource): Promise<void> {
    if (!dataSource.isInitialized) await dataSource.initialize();
    if (this.migrated) return;
    await dataSource.runMigrations({ transaction: 'each' });
    this.migrated = true;
  }
}

async function attempt<T>(
  dataSource: DataSource,
  work: (runner: QueryRunner) => Promise<T>,
  isolation: 'READ COMMITTED' | 'REPEATABLE READ',
): Promise<T> {
  const runner = dataSource.createQueryRunner();
  try {
    await runner.startTransaction(isolation);
    const result = await work(runner);
    await runner.commitTransaction();
    return result;
  } catch (error) {
    // Over a dead connection there is nothing left to roll back; the first error tells more.
    await runner.rollbackTransaction().catch(() => undefined);
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
