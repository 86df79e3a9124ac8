import type { DataSourceOptions } from 'typeorm';

import type { UserIdOptions } from './user-id.js';
import { sessionChainEntity } from './entities/session-chain-row.js';
import { sessionDeadLetterEntity } from './entities/session-dead-letter-row.js';
import { sessionEventEntity } from './entities/session-event-row.js';
import { sessionEntity } from './entities/session-row.js';
import { userEntity } from './entities/user-row.js';
import { ledgerTables } from './ledger-tables.js';
import type { LedgerSettings } from '../drain/ledger-writer.js';
import { createSessionLedger } from './migrations/create-session-ledger.js';

type PostgresOptions = Extract<DataSourceOptions, { type: 'postgres' }>;

/** What decides how the audit tables look. Fixed once they exist. */
export interface LedgerLayout {
  /** @default 'public' */
  schema?: string;
  userId?: UserIdOptions;
}

/** How long to wait for a connection, ms. */
const CONNECT_TIMEOUT = 5_000;
/** How long a statement may take before it is given up, ms; a batch takes tens, a page of `verify` a second. */
const STATEMENT_TIMEOUT = 15_000;

/** The settings of a layout. */
export function ledgerSettings({ schema = 'public', userId = {} }: LedgerLayout): LedgerSettings {
  const { type = 'text', references } = userId;
  return {
    tables: ledgerTables(schema),
    userIdType: type,
    users: references
      ? { table: quoted(references.table), column: references.column ?? 'id' }
      : null,
  };
}

/** The entities and migrations of the audit tables, to be spread into a `DataSource`'s options. */
export function ledgerSchema(layout: LedgerLayout = {}) {
  const schema = layout.schema ?? 'public';
  const { type = 'text', references } = layout.userId ?? {};
  return {
    entities: [
      sessionEntity(schema, type, references !== undefined),
      sessionEventEntity(schema, type),
      sessionChainEntity(schema),
      sessionDeadLetterEntity(schema),
      ...(references ? [userEntity(references, type)] : []),
    ],
    migrations: [createSessionLedger(ledgerSettings(layout))],
  };
}

/** Options of a `DataSource` for the audit trail: for the module itself, and for `ormconfig.ts`. */
export function ledgerDataSourceOptions(
  connection: string | Omit<PostgresOptions, 'type'>,
  layout: LedgerLayout = {},
): PostgresOptions {
  const { schema = 'public' } = layout;
  const given = typeof connection === 'string' ? { url: connection } : connection;
  return {
    migrationsTableName: 'session_ledger_migrations',
    connectTimeoutMS: CONNECT_TIMEOUT,
    ...given,
    ...ledgerSchema(layout),
    type: 'postgres',
    schema,
    synchronize: false,
    extra: { query_timeout: STATEMENT_TIMEOUT, ...given.extra },
  };
}

/** A table may be given with its schema; `user`, a common name, is a reserved word. */
function quoted(table: string): string {
  return table
    .split('.')
    .map((part) => `"${part}"`)
    .join('.');
}
