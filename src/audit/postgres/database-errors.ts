import { SessionError } from '../../errors.js';

/**
 * SQLSTATE classes of errors that lie in the data: the same record will be refused again.
 * 22 data exception, 23 integrity constraint violation, 44 WITH CHECK OPTION violation,
 * 54 program limit exceeded, P0001 an exception that a trigger of the application's raised.
 */
const DATA_ERROR = /^(22|23|44|54|P0001$)/;

/** SQLSTATE classes that mean the schema or the role isn't ours: 3F, 42 (undefined table, no privilege). */
const UNSUITABLE = /^(3F|42)/;

/** The SQLSTATE of an error that Postgres gave, else undefined. */
export function sqlState(error: unknown): string | undefined {
  const { code, driverError } = error as { code?: unknown; driverError?: unknown };
  if (typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code)) return code;
  return driverError ? sqlState(driverError) : undefined;
}

/** Whether the record itself is at fault, and not the connection or the server. */
export function isDataError(error: unknown): boolean {
  return DATA_ERROR.test(sqlState(error) ?? '');
}

/** Our own error for whatever TypeORM threw. */
export function databaseError(cause: unknown): SessionError {
  if (cause instanceof SessionError) return cause;
  const message = cause instanceof Error ? cause.message : String(cause);
  if (UNSUITABLE.test(sqlState(cause) ?? '')) {
    return new SessionError(
      'ERR_SESSION_DATABASE_UNSUITABLE',
      `Postgres refused a statement of the audit trail: ${message}. Run the migrations ` +
        '(`npm run migration:run`, or the option `audit.migrate`), with a role that owns the tables.',
      { cause },
    );
  }
  return new SessionError(
    'ERR_SESSION_DATABASE_UNAVAILABLE',
    `Postgres can't be used now: ${message}. Sessions work on, and their events wait in Redis.`,
    { cause },
  );
}
