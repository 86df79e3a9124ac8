import { sqlState } from '../../audit/postgres/errors.js';
import {
  readMigrations,
  revertMigration,
  runMigrations,
  type MigrationStatus,
} from '../../audit/postgres/migrator.js';
import { SessionError } from '../../errors.js';
import { SQL_IDENTIFIER, USER_ID_TYPE, type OptionRule } from '../../option-rules.js';
import { defineCommand, flagOption, type CommandOption } from '../command-line.js';
import { UsageError } from '../failure.js';
import type { OpenLedger } from '../open-ledger.js';
import { count } from '../output.js';

/** SQLSTATE: a table of this name exists. */
const DUPLICATE_TABLE = '42P07';

export interface LayoutValues {
  schema: string;
  'user-id-type': string;
  'users-table': string;
  'users-column': string;
}

/** The shape of the tables: must agree with the options of the module. */
export const LAYOUT_OPTIONS: { [Name in keyof LayoutValues]: CommandOption<string> } = {
  schema: {
    value: '<name>',
    description: 'schema of the audit tables (default: LEDGER_SCHEMA, or public)',
    ...textOf(SQL_IDENTIFIER),
    variable: 'LEDGER_SCHEMA',
  },
  'user-id-type': {
    value: '<type>',
    description: 'text, integer, bigint or uuid (default: USER_ID_TYPE, or text)',
    ...textOf(USER_ID_TYPE),
    variable: 'USER_ID_TYPE',
  },
  'users-table': {
    value: '<table>',
    description: 'users table that sessions.user_id refers to (default: USERS_TABLE, or none)',
    parse: (text) => (text.split('.').every(SQL_IDENTIFIER.accepts) ? text : undefined),
    remedy: SQL_IDENTIFIER.remedy,
    variable: 'USERS_TABLE',
  },
  'users-column': {
    value: '<column>',
    description: 'its key column (default: USERS_COLUMN, or id)',
    ...textOf(SQL_IDENTIFIER),
    variable: 'USERS_COLUMN',
  },
};

export const migrate = defineCommand<LayoutValues>({
  name: 'migrate',
  description: 'create the audit tables, or bring them up to date',
  requires: ['database'],
  options: LAYOUT_OPTIONS,
  async run({ database }, output) {
    const { pending, unknown } = await database.withDataSource(readMigrations);
    if (pending.length > 0) rejectUnknown(unknown);
    const applied = await database.withDataSource(runMigrations).catch(explain);
    output.result({ applied }, () => [
      ...applied.map((name) => `Applied ${name}.`),
      applied.length > 0 ? 'The audit tables are ready.' : 'The audit tables are up to date.',
    ]);
    return true;
  },
});

export const revert = defineCommand<LayoutValues & { all: boolean; yes: boolean }>({
  name: 'revert',
  description: 'undo the newest migration, and delete what it stored',
  requires: ['database'],
  options: {
    ...LAYOUT_OPTIONS,
    all: flagOption('undo all migrations: remove the audit tables and all their data'),
    yes: flagOption('delete the data; without it, the command only says what it would undo'),
  },
  async run({ database }, output, { all = false, yes = false }) {
    const { applied, unknown } = await database.withDataSource(readMigrations);
    rejectUnknown(unknown);
    const chosen = applied.toReversed().slice(0, all ? undefined : 1);
    if (!yes && chosen.length > 0) throw unconfirmed(chosen);
    const reverted = await revertAll(database, chosen);
    output.result({ reverted }, () =>
      reverted.length > 0
        ? reverted.map((name) => `Undid ${name}.`)
        : ['There was no migration to undo.'],
    );
    return true;
  },
});

export const status = defineCommand<LayoutValues>({
  name: 'status',
  description: 'show which migrations are applied; fail if some are not',
  requires: ['database'],
  options: LAYOUT_OPTIONS,
  async run({ database }, output) {
    const found = await database.withDataSource(readMigrations);
    output.result(found, () => describeStatus(found));
    return found.pending.length === 0;
  },
});

function describeStatus({ applied, pending, unknown }: MigrationStatus): string[] {
  return [
    ...applied.map((name) => `applied  ${name}`),
    ...pending.map((name) => `pending  ${name}`),
    ...unknown.map((name) => `unknown  ${name} (of another version of the package)`),
    pending.length > 0
      ? `${count(pending.length, 'migration')} to apply: run session-ledger migrate.`
      : 'The audit tables are up to date.',
  ];
}

async function revertAll(database: OpenLedger['database'], names: string[]): Promise<string[]> {
  const reverted: string[] = [];
  for (const name of names) {
    const isReverted = await database.withDataSource((from) => revertMigration(from, name));
    if (isReverted) reverted.push(name);
  }
  return reverted;
}

function unconfirmed(names: string[]): UsageError {
  return new UsageError(
    `This would undo ${names.join(' and ')}, and delete what is recorded in ` +
      `${names.length > 1 ? 'their' : 'its'} tables and columns. Nothing was changed. Stop the ` +
      'application, make a backup, then add --yes.',
  );
}

function rejectUnknown(unknown: string[]): void {
  if (unknown.length === 0) return;
  throw new UsageError(
    `The audit tables have migrations that this version of the package doesn't know ` +
      `(${unknown.join(', ')}). Use the version that applied them.`,
  );
}

/** A newcomer's application often has a table `sessions` already. */
function explain(error: unknown): never {
  if (!(error instanceof SessionError) || error.code !== 'ERR_SESSION_DATABASE_UNSUITABLE') {
    throw error;
  }
  const { message } = error.cause as Error;
  throw new UsageError(
    sqlState(error.cause) === DUPLICATE_TABLE
      ? `Postgres rejected the migration: ${message}. The schema has a table of that name already. ` +
          'Put the audit tables into a schema of their own with --schema session_ledger, and set ' +
          "the module's option `audit.schema` to the same. If a DataSource of your own created the " +
          'tables, run its migrations instead.'
      : `Postgres rejected the migration: ${message}. Use a role that owns the schema in ` +
          'DATABASE_URL, and check --users-table and --user-id-type if the message names them.',
  );
}

function textOf(rule: OptionRule<string>) {
  const parse = (text: string) => (rule.accepts(text) ? text : undefined);
  return { parse, remedy: rule.remedy };
}
