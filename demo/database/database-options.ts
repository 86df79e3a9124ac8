import { ledgerSchema } from 'nest-session-ledger';
import type { DataSourceOptions } from 'typeorm';

import { User } from '../users/user.js';
import { CreateUsers1790000000000 } from './create-users.js';

/** The type of `users.id`. The ledger's `sessions.user_id` gets it and a foreign key to `users`. */
export const userId = { type: 'integer', references: { table: 'users' } } as const;

/**
 * One database for the tables and migrations of the application and the ledger. Migrations run in
 * order of their number, so `users` exists before the ledger refers to it.
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
