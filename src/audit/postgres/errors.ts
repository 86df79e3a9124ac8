import { messageOf, SessionError } from '../../errors.js';

/**
 * SQLSTATE classes of errors in the data: Postgres would reject the same record again.
 * 22 data exception, 23 integrity constraint violation, 44 WITH CHECK OPTION violation,
 * 54 program limit exceeded, P0001 an exception raised by one of the application's own triggers.
 */
const DATA_ERROR = /^(22|23|44|54|P0001$)/;

/**
 * SQLSTATE classes of a wrong schema or role: 3F invalid schema name; 42 undefined table, missing
 * privilege and the like.
 */
const UNSUITABLE = /^(3F|42)/;

/** SQLSTATE classes of a login that Postgres refuses: 28 invalid authorization, 3D no such database. */
const REFUSED_LOGIN = /^(28|3D)/;

/** The SQLSTATE of an error that came from Postgres, otherwise undefined. */
export function sqlState(error: unknown): string | undefined {
  const { code, driverError } = error as { code?: unknown; driverError?: unknown };
  if (typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code)) return code;
  return driverError ? sqlState(driverError) : undefined;
}

/** Whether the record itself caused the error, and not the connection or the server. */
export function isDataError(error: unknown): boolean {
  return DATA_ERROR.test(sqlState(error) ?? '');
}

/** Whether a statement took too long, by the client's limit or the server's. */
export function isTimeout(error: unknown): boolean {
  const cause = error instanceof SessionError ? error.cause : error;
  if (cause === undefined) return false;
  return sqlState(cause) === '57014' || messageOf(cause).includes('Query read timeout');
}

/** Turns an error of TypeORM or pg into a `SessionError`. */
export function databaseError(cause: unknown): SessionError {
  if (cause instanceof SessionError) return cause;
  const message = messageOf(cause);
  if (UNSUITABLE.test(sqlState(cause) ?? '')) {
    return new SessionError(
      'ERR_SESSION_DATABASE_UNSUITABLE',
      `Postgres rejected a statement of the audit trail: ${message}. Run the migrations ` +
        '(`npx session-ledger migrate`, with `--schema` if the tables are not in `public`; or the option ' +
        '`audit.migrate`) as the role that owns the tables.',
      { cause },
    );
  }
  const remedy = REFUSED_LOGIN.test(sqlState(cause) ?? '')
    ? 'Check the user, the password and the name of the database in the option `database`.'
    : 'Check that it is running and that the option `database` points to it.';
  return new SessionError(
    'ERR_SESSION_DATABASE_UNAVAILABLE',
    `Postgres is unavailable (${message}). Sessions keep working, and their events wait in Redis. ${remedy}`,
    { cause },
  );
}
