import { ledgerSchema } from 'nest-session-ledger';
import type { DataSourceOptions } from 'typeorm';

import { User } from '../users/user.js';
import { CreateUsers1790000000000 } from './create-users.js';

/** The users' keys, as `sessions.user_id` refers to them. */
export const userId = { type: 'integer', references: { table: 'users' } } as const;

/**
 * One database for the application's tables and the ledger's, with the migrations of both: the
 * users' come first by their number, as the ledger's refer to them.
 */
export function databaseOptions(url: string): DataSourceOptions {
  const ledger = ledgerSchema({ userId });
  return {
    type: 'postgres',
    url,
    connectTimeoutMS: 5_000,
    entities: [User, ...ledger.entities],
    migrations: [CreateUsers1790000000000, ...ledger.migrations],
  };
}
