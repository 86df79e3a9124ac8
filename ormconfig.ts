import { DataSource } from 'typeorm';
import { ledgerDataSourceOptions, type UserIdType } from 'nest-session-ledger';

/**
 * The audit tables, for TypeORM's command line, to develop migrations of this package:
 * `npm run migration:run`, `migration:revert` and `migration:generate`. It reads these environment variables:
 *
 * - `DATABASE_URL`: the database
 * - `LEDGER_SCHEMA`: the schema of the audit tables, default `public`
 * - `USER_ID_TYPE`: `text` (default), `integer`, `bigint` or `uuid`
 * - `USERS_TABLE`: the users table that `sessions` refers to, default none
 * - `USERS_COLUMN`: its key column, default `id`
 */
const { DATABASE_URL, LEDGER_SCHEMA, USER_ID_TYPE, USERS_TABLE, USERS_COLUMN } = process.env;

if (!DATABASE_URL) {
  throw new Error(
    'DATABASE_URL is not set. Set it, for example to postgres://user:password@localhost:5432/ledger',
  );
}

export default new DataSource(
  ledgerDataSourceOptions(DATABASE_URL, {
    schema: LEDGER_SCHEMA || undefined,
    userId: {
      type: (USER_ID_TYPE || undefined) as UserIdType | undefined,
      references: USERS_TABLE
        ? { table: USERS_TABLE, column: USERS_COLUMN || undefined }
        : undefined,
    },
  }),
);
