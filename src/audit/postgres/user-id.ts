import { SessionError } from '../../errors.js';
import {
  checkOption,
  invalidOption,
  show,
  SQL_IDENTIFIER,
  USER_ID_TYPE,
} from '../../option-rules.js';

/** The SQL type of the application's user IDs. */
export type UserIdType = 'text' | 'integer' | 'bigint' | 'uuid';

/** The application's user IDs, as the audit trail stores them. */
export interface UserIdOptions {
  /**
   * Every method rejects a user ID that is not of this type, so that such an ID can never reach the
   * audit trail and stop it. With `uuid`, a UUID in capitals is the same user; with `text`, each
   * spelling is a user of its own.
   *
   * @default 'text'
   */
  type?: UserIdType;
  /** The users table that `sessions.user_id` refers to, with `ON DELETE SET NULL`. */
  references?: { table: string; column?: string };
}

/** The options with their defaults applied. */
export type UserIdSettings = UserIdOptions & { type: UserIdType };

/**
 * Checks the options and applies the defaults.
 *
 * @param place what takes the options, for error messages
 * @throws SessionError `ERR_SESSION_OPTIONS`
 */
export function resolveUserId(place: string, userId: UserIdOptions = {}): UserIdSettings {
  if (typeof userId !== 'object' || userId === null) {
    throw invalidOption(place, 'userId', userId, "use an object such as { type: 'uuid' }");
  }
  const type = checkOption(place, 'userId.type', userId.type ?? 'text', USER_ID_TYPE);
  if (!userId.references) return { type };
  const { table, column = 'id' } = userId.references;
  // The table name may include its schema.
  for (const part of typeof table === 'string' ? table.split('.') : [table]) {
    checkOption(place, 'userId.references.table', part, SQL_IDENTIFIER);
  }
  checkOption(place, 'userId.references.column', column, SQL_IDENTIFIER);
  return { type, references: { table, column } };
}

/**
 * Canonical spellings only: `007` and `7` would be two users in Redis, but one in Postgres. The digits
 * of a UUID are written in lower case before they are compared.
 */
const SPELLINGS: Record<Exclude<UserIdType, 'text'>, RegExp> = {
  integer: /^(0|-?[1-9]\d*)$/,
  bigint: /^(0|-?[1-9]\d*)$/,
  uuid: /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/,
};

const LIMITS: Partial<Record<UserIdType, bigint>> = { integer: 2n ** 31n, bigint: 2n ** 63n };

/**
 * Checks that a user ID is of the type of the column `user_id`, and brings it to the one spelling that
 * Redis and Postgres both know.
 *
 * @throws SessionError `ERR_SESSION_INPUT`
 */
export function checkUserIdType(userId: string, type: UserIdType): string {
  if (typeof userId !== 'string' || userId === '') {
    throw invalid(`userId must be a text that isn't empty, not ${show(userId)}.`);
  }
  if (type === 'text') return userId;
  const spelled = type === 'uuid' ? userId.toLowerCase() : userId;
  const limit = LIMITS[type];
  const fits = SPELLINGS[type].test(spelled) && (!limit || isWithin(BigInt(spelled), limit));
  if (fits) return spelled;
  throw invalid(
    `userId is ${show(userId)}, but the option \`userId.type\` is ${type}: ` +
      `the ID must be a ${type} in its canonical spelling.`,
  );
}

function invalid(message: string): SessionError {
  return new SessionError('ERR_SESSION_INPUT', message);
}

function isWithin(value: bigint, limit: bigint): boolean {
  return value >= -limit && value < limit;
}
