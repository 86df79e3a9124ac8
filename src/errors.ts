/**
 * Stable error codes. Switch on them, never on the text of a message.
 *
 * | code | meaning |
 * |---|---|
 * | `ERR_SESSION_OPTIONS` | an option of the module is invalid; the message names it |
 * | `ERR_SESSION_INPUT` | an argument of a call is invalid; nothing was changed |
 * | `ERR_SESSION_EXPIRES` | `expires` is not an expiry that a session can have |
 * | `ERR_SESSION_DATA_TOO_LARGE` | the session's data would exceed its size limit |
 * | `ERR_SESSION_NOT_FOUND` | the session is unknown, malformed or over, and the call needs a live one |
 * | `ERR_SESSION_LIMIT` | the user already has `maxSessionsPerUser` sessions |
 * | `ERR_SESSION_BACKLOG` | too many events are waiting for Postgres; no session can be created now |
 * | `ERR_SESSION_REDIS_UNAVAILABLE` | Redis didn't answer in time or is unavailable; try again later |
 * | `ERR_SESSION_REDIS_FULL` | Redis is out of memory; sessions can be ended, but not created |
 * | `ERR_SESSION_REDIS_REFUSED` | Redis answered with an unexpected error |
 * | `ERR_SESSION_REDIS_UNSUITABLE` | this Redis can't be trusted with sessions; the message says why |
 * | `ERR_SESSION_DATABASE_UNAVAILABLE` | Postgres didn't answer; sessions keep working |
 * | `ERR_SESSION_DATABASE_UNSUITABLE` | the audit tables are missing, or belong to something else |
 * | `ERR_SESSION_LEDGER_MISMATCH` | this Redis and these audit tables don't belong together; the message names both |
 * | `ERR_SESSION_LEDGER_HELD` | this Redis is new or was emptied; nothing is recorded until `session-ledger adopt` |
 * | `ERR_SESSION_LEDGER_DAMAGED` | a row that the ledger needs was deleted; the message names it |
 * | `ERR_SESSION_AUDIT_RUNNING` | another process is comparing Redis with Postgres; try again later |
 */
export type SessionErrorCode =
  | 'ERR_SESSION_OPTIONS'
  | 'ERR_SESSION_INPUT'
  | 'ERR_SESSION_EXPIRES'
  | 'ERR_SESSION_DATA_TOO_LARGE'
  | 'ERR_SESSION_NOT_FOUND'
  | 'ERR_SESSION_LIMIT'
  | 'ERR_SESSION_BACKLOG'
  | 'ERR_SESSION_REDIS_UNAVAILABLE'
  | 'ERR_SESSION_REDIS_FULL'
  | 'ERR_SESSION_REDIS_REFUSED'
  | 'ERR_SESSION_REDIS_UNSUITABLE'
  | 'ERR_SESSION_DATABASE_UNAVAILABLE'
  | 'ERR_SESSION_DATABASE_UNSUITABLE'
  | 'ERR_SESSION_LEDGER_MISMATCH'
  | 'ERR_SESSION_LEDGER_HELD'
  | 'ERR_SESSION_LEDGER_DAMAGED'
  | 'ERR_SESSION_AUDIT_RUNNING';

/**
 * Every error of this module. The message says what was wrong, with which value, and what to do.
 * It never contains a session ID. `cause` holds the original error.
 */
export class SessionError extends Error {
  override readonly name = 'SessionError';

  constructor(
    readonly code: SessionErrorCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/**
 * The message of any error. If a host name has several addresses, as `localhost` has, Node throws an
 * AggregateError without a message, with one error for each address.
 */
export function messageOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) {
    return [...new Set(error.errors.map(messageOf))].join('; ');
  }
  return error instanceof Error
    ? error.message || String((error as { code?: unknown }).code ?? error.name)
    : String(error);
}
