import pg from 'pg';
import type { DataSourceOptions } from 'typeorm';

import { checkOption, invalidOption, SQL_IDENTIFIER } from '../../option-rules.js';
import { ledgerEntities } from './entities.js';
import { addLedgerId } from './migrations/add-ledger-id.js';
import { createSessionLedger } from './migrations/create-session-ledger.js';
import { leastPrivilege } from './migrations/least-privilege.js';
import { resolveUserId, type UserIdOptions, type UserIdType } from './user-id.js';

type PostgresOptions = Extract<DataSourceOptions, { type: 'postgres' }>;

/** Determines the shape of the audit tables. It can't change once they exist. */
export interface LedgerLayout {
  /** @default 'public' */
  schema?: string;
  userId?: UserIdOptions;
}

/** Qualified names of the audit tables, so that they don't depend on the `search_path`. */
export interface LedgerTables {
  /** Quoted name of the schema. */
  schema: string;
  sessions: string;
  events: string;
  chains: string;
  deadLetters: string;
  ledger: string;
  incidents: string;
}

/** The parts of the SQL statements that depend on the layout. */
export interface LedgerSettings {
  tables: LedgerTables;
  userIdType: UserIdType;
  /** The application's users table, quoted, if `sessions.user_id` refers to it. */
  users: { table: string; column: string } | null;
}

/** How long to wait for a connection (ms). */
const CONNECT_TIMEOUT = 5_000;
/** How long a statement may take (ms). A batch takes tens of milliseconds; a page of `verify`, about a second. */
const STATEMENT_TIMEOUT = 15_000;

/** @param schema a plain SQL identifier; the module checks it when it reads its options */
export function ledgerTables(schema: string): LedgerTables {
  const name = (table: string) => `"${schema}".${table}`;
  return {
    schema: `"${schema}"`,
    sessions: name('sessions'),
    events: name('session_events'),
    chains: name('session_chains'),
    deadLetters: name('session_dead_letters'),
    ledger: name('session_ledger'),
    incidents: name('session_incidents'),
  };
}

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

/**
 * The entities and migrations of the audit tables. Spread it into a `DataSource`'s options.
 *
 * @throws SessionError `ERR_SESSION_OPTIONS` if the layout is invalid: its names become part of SQL
 */
export function ledgerSchema(layout: LedgerLayout = {}) {
  checkLayout(layout);
  const { tables, userIdType, users } = ledgerSettings(layout);
  return {
    entities: ledgerEntities(layout.schema ?? 'public', layout.userId ?? {}),
    migrations: [
      createSessionLedger({ schema: tables.schema, userIdType, users }),
      addLedgerId(tables.schema),
      leastPrivilege(tables.schema),
    ],
  };
}

/**
 * `DataSource` options for the audit trail: the module and `ormconfig.ts` both use them.
 *
 * @throws SessionError `ERR_SESSION_OPTIONS` if the connection or the layout is invalid
 */
export function ledgerDataSourceOptions(
  connection: string | Omit<PostgresOptions, 'type'>,
  layout: LedgerLayout = {},
): PostgresOptions {
  if (!connection || !['string', 'object'].includes(typeof connection)) {
    const remedy = 'give a URL such as postgres://user@host/database, or TypeORM options';
    throw invalidOption('ledgerDataSourceOptions', 'connection', connection, remedy);
  }
  checkLayout(layout);
  const { schema = 'public' } = layout;
  const given = typeof connection === 'string' ? { url: connection } : connection;
  return {
    migrationsTableName: 'session_ledger_migrations',
    connectTimeoutMS: CONNECT_TIMEOUT,
    // TypeORM would look for it by name at run time, which fails in a bundle.
    driver: pg,
    ...given,
    ...ledgerSchema(layout),
    type: 'postgres',
    schema,
    synchronize: false,
    extra: { query_timeout: STATEMENT_TIMEOUT, ...given.extra },
  };
}

function checkLayout(layout: LedgerLayout): void {
  if (typeof layout !== 'object' || layout === null) {
    throw invalidOption(
      'LedgerLayout',
      'layout',
      layout,
      "use an object such as { schema: 'audit' }",
    );
  }
  const { schema = 'public', userId } = layout;
  checkOption('LedgerLayout', 'schema', schema, SQL_IDENTIFIER);
  resolveUserId('LedgerLayout', userId);
}

/** Quotes a table name, with or without a schema: a common one, `user`, is a reserved word. */
function quoted(table: string): string {
  return table
    .split('.')
    .map((part) => `"${part}"`)
    .join('.');
}
