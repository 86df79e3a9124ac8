import { types } from 'node:util';

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
 * It never contains a session ID. `cause` holds the original error, without what libraries attach to
 * their errors: ioredis the arguments of the command, TypeORM the parameters of the statement.
 */
export class SessionError extends Error {
  override readonly name = 'SessionError';

  constructor(
    readonly code: SessionErrorCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
    hideSecrets(this.cause);
  }
}

/**
 * The message of any error. If a host name has several addresses, as `localhost` has, Node throws an
 * AggregateError without a message, with one error for each address.
 */
export function messageOf(error: unknown): string {
  const errors: unknown = isError(error) && Reflect.get(error, 'errors');
  if (Array.isArray(errors) && errors.length > 0) {
    return [...new Set(errors.map(messageOf))].join('; ');
  }
  const message = isError(error) ? messageOrCode(error) : String(error);
  return message.replace(QUOTED_ARGUMENTS, '');
}

/** Whether this is an error, also of another realm: Node's own are that in tests by Jest. */
export function isError(value: unknown): value is Error {
  return value instanceof Error || types.isNativeError(value);
}

function messageOrCode(error: Error): string {
  return error.message || String((error as { code?: unknown }).code ?? error.name);
}

/** Redis quotes the arguments of a command that it doesn't know, and AUTH may be renamed. */
const QUOTED_ARGUMENTS = /,? with args beginning with:.*/;

/**
 * What libraries attach to their errors: the arguments of a Redis command (the password of AUTH, the
 * data of a session), the parameters of a statement, a URL that can't be parsed.
 */
const SECRETS = ['command', 'parameters', 'input'];

/** Where an error holds other errors. */
const NESTED = ['cause', 'errors', 'driverError', 'lastNodeError', 'previousErrors'];

/** Removes the secrets of an error that is about to leave the module, and of those within it. */
function hideSecrets(error: unknown, seen = new Set<unknown>()): void {
  if (Array.isArray(error)) error.forEach((each) => hideSecrets(each, seen));
  if (!isError(error) || seen.has(error)) return;
  seen.add(error);
  for (const name of SECRETS) Reflect.deleteProperty(error, name);
  for (const name of ['message', 'stack'] as const) hideArguments(error, name);
  for (const name of NESTED) hideSecrets(Reflect.get(error, name), seen);
}

function hideArguments(error: Error, name: 'message' | 'stack'): void {
  const text = error[name];
  if (text && QUOTED_ARGUMENTS.test(text)) {
    Reflect.set(error, name, text.replace(QUOTED_ARGUMENTS, ''));
  }
}
