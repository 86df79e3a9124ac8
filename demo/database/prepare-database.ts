import { DataSource, QueryFailedError } from 'typeorm';

import { seedDemoAccounts, type DemoAccount } from '../demo-accounts/demo-accounts.js';
import { messageOf, StartError } from '../startup/start-error.js';
import { databaseOptions } from './database-options.js';

/**
 * Runs the migrations and creates the demo accounts. In a deployment, migrations are a separate
 * step before the application starts.
 */
export async function prepareDatabase(url: string): Promise<DemoAccount[]> {
  const dataSource = new DataSource(databaseOptions(url));
  try {
    await dataSource.initialize();
  } catch (cause) {
    throw new StartError(`Can't connect to Postgres at DATABASE_URL: ${messageOf(cause)}.`, {
      cause,
    });
  }
  try {
    await dataSource.runMigrations({ transaction: 'each' });
    return await seedDemoAccounts(dataSource);
  } catch (error) {
    throw isDuplicateTable(error) ? databaseInUse(error) : error;
  } finally {
    await dataSource.destroy();
  }
}

function isDuplicateTable(error: unknown): error is QueryFailedError {
  return error instanceof QueryFailedError && error.driverError.code === '42P07';
}

function databaseInUse(cause: QueryFailedError): StartError {
  return new StartError(
    `The database at DATABASE_URL already has tables of another application (${cause.message}). ` +
      'Use a separate database for the demo.',
    { cause },
  );
}
