import { MigrationExecutor, type DataSource, type QueryRunner } from 'typeorm';

/** The migrations of the audit tables, by name, oldest first. */
export interface MigrationStatus {
  applied: string[];
  pending: string[];
  /** Applied by another version of this package, which this one doesn't know. */
  unknown: string[];
}

/** The connection that changes the tables holds this lock. */
const lockMigrations = `SELECT pg_advisory_lock(hashtext('session_ledger_migrations'))`;
const unlockMigrations = `SELECT pg_advisory_unlock(hashtext('session_ledger_migrations'))`;

/** Runs the pending migrations, one process at a time: several may start on an empty database. */
export async function runMigrations(dataSource: DataSource): Promise<string[]> {
  return withMigrationLock(dataSource, async (executor, runner) => {
    // TypeORM creates its own table in this schema before it runs the first migration.
    const { schema } = dataSource.options as { schema?: string };
    if (schema) await runner.createSchema(schema, true);
    executor.transaction = 'each';
    return (await executor.executePendingMigrations()).map(({ name }) => name);
  });
}

/** Undoes a migration if it is the newest one: another process may have undone it already. */
export async function revertMigration(dataSource: DataSource, name: string): Promise<boolean> {
  return withMigrationLock(dataSource, async (executor, runner) => {
    const isNewest = (await appliedMigrations(dataSource, runner)).at(-1) === name;
    if (isNewest) await executor.undoLastMigration();
    return isNewest;
  });
}

/** Changes nothing: TypeORM's own methods would create its table. */
export async function readMigrations(dataSource: DataSource): Promise<MigrationStatus> {
  const runner = dataSource.createQueryRunner();
  try {
    const known = dataSource.migrations.map(({ name }) => name!);
    const found = await appliedMigrations(dataSource, runner);
    return {
      applied: found.filter((name) => known.includes(name)),
      pending: known.filter((name) => !found.includes(name)),
      unknown: found.filter((name) => !known.includes(name)),
    };
  } finally {
    await runner.release();
  }
}

async function appliedMigrations(dataSource: DataSource, runner: QueryRunner): Promise<string[]> {
  const { schema, migrationsTableName = 'migrations' } = dataSource.options as {
    schema?: string;
    migrationsTableName?: string;
  };
  const table = `${schema ? `"${schema}".` : ''}"${migrationsTableName}"`;
  // $1: the quoted name. If there is no such schema either, the answer is NULL too.
  const [{ exists }] = await runner.query(`SELECT to_regclass($1) IS NOT NULL AS exists`, [table]);
  if (!exists) return [];
  const rows: { name: string }[] = await runner.query(`SELECT name FROM ${table} ORDER BY id`);
  return rows.map(({ name }) => name);
}

async function withMigrationLock<T>(
  dataSource: DataSource,
  work: (executor: MigrationExecutor, runner: QueryRunner) => Promise<T>,
): Promise<T> {
  const runner = dataSource.createQueryRunner();
  try {
    await runner.query(lockMigrations);
    const result = await work(new MigrationExecutor(dataSource, runner), runner);
    await runner.query(unlockMigrations);
    return result;
  } catch (error) {
    await dropConnection(runner); // this also releases the lock
    throw error;
  } finally {
    await runner.release();
  }
}

export async function dropConnection(runner: QueryRunner): Promise<void> {
  try {
    const client: { end(): Promise<void> } = await runner.connect();
    // Not awaited: the answer may never come. The pool discards a client that is ending.
    client.end().catch(() => undefined);
  } catch {
    // It was never connected.
  }
}
