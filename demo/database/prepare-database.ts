import { DataSource, QueryFailedError } from 'typeorm';

import { messageOf, StartError } from '../starting/start-error.js';
import { databaseOptions } from './database-options.js';
import { seedUsers, type KnownUser } from './demo-users.js';

/** Migrates and seeds: in a deployment a step of its own, before the application starts. */
export async function prepareDatabase(url: string): Promise<KnownUser[]> {
  const dataSource = new DataSource(databaseOptions(url));
  try {
    await dataSource.initialize();
  } catch (cause) {
    throw new StartError(`Postgres at DATABASE_URL doesn't answer: ${messageOf(cause)}.`, {
      cause,
    });
  }
  try {
    await dataSource.runMigrations({ transaction: 'each' });
    return await seedUsers(dataSource);
  } catch (error) {
    throw isDuplicateTable(error) ? taken(error) : error;
  } finally {
    await dataSource.destroy();
  }
}

function isDuplicateTable(error: unknown): error is QueryFailedError {
  return error instanceof QueryFailedError && error.driverError.code === '42P07';
}

function taken(cause: QueryFailedError): StartError {
  return new StartError(
    `The database at DATABASE_URL is in use by something else (${cause.message}). ` +
      'Give the demo one of its own.',
    { cause },
  );
}
