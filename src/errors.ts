/**
 * What went wrong, as a stable code: switch on it, never on a message's text.
 *
 * | code | meaning |
 * |---|---|
 * | `ERR_SESSION_OPTIONS` | an option of the module is wrong; the message names it |
 * | `ERR_SESSION_INPUT` | an argument of a call is wrong; nothing was changed |
 * | `ERR_SESSION_EXPIRES` | `expires` is no end that a session can have |
 * | `ERR_SESSION_DATA_TOO_LARGE` | the session's data would pass its size limit |
 * | `ERR_SESSION_NOT_FOUND` | the session is unknown, malformed or over, and the call needs one |
 * | `ERR_SESSION_LIMIT` | the user has as many sessions as `maxSessionsPerUser` allows |
 * | `ERR_SESSION_BACKLOG` | too many events wait for Postgres; no session can begin now |
 * | `ERR_SESSION_REDIS_UNAVAILABLE` | Redis didn't answer in time, or can't now; try again later |
 * | `ERR_SESSION_REDIS_FULL` | Redis is out of memory; sessions can end but not begin |
 * | `ERR_SESSION_REDIS_REFUSED` | Redis answered with an error that should not be |
 * | `ERR_SESSION_REDIS_UNSUITABLE` | this Redis can't be trusted with sessions; the message says why |
 * | `ERR_SESSION_DATABASE_UNAVAILABLE` | Postgres didn't answer; sessions work on |
 * | `ERR_SESSION_DATABASE_UNSUITABLE` | the audit tables are missing, or not those of this module |
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
  | 'ERR_SESSION_DATABASE_UNSUITABLE';

/**
 * Every error of this module. The message says what was wrong, with which value, and what to do;
 * it never holds a session ID. What caused it is kept in `cause`.
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
