import { SessionError } from '../../errors.js';

/** The SQL type of the application's user IDs. */
export type UserIdType = 'text' | 'integer' | 'bigint' | 'uuid';

/** The application's user IDs, as the audit trail stores them. */
export interface UserIdOptions {
  /**
   * `createSession` rejects a user ID that is not of this type, so that such an ID can never reach
   * the audit trail and stop it.
   *
   * @default 'text'
   */
  type?: UserIdType;
  /** The users table that `sessions.user_id` refers to, with `ON DELETE SET NULL`. */
  references?: { table: string; column?: string };
}

/** Canonical spellings only: `007` and `7` would be two users in Redis, but one in Postgres. */
const SPELLINGS: Record<Exclude<UserIdType, 'text'>, RegExp> = {
  integer: /^(0|-?[1-9]\d*)$/,
  bigint: /^(0|-?[1-9]\d*)$/,
  uuid: /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/,
};

const LIMITS: Partial<Record<UserIdType, bigint>> = { integer: 2n ** 31n, bigint: 2n ** 63n };

/**
 * Rejects a user ID that the column `user_id` can't store.
 *
 * @throws SessionError `ERR_SESSION_INPUT`
 */
export function checkUserIdType(userId: string, type: UserIdType): void {
  if (type === 'text') return;
  const limit = LIMITS[type];
  const fits = SPELLINGS[type].test(userId) && (!limit || isWithin(BigInt(userId), limit));
  if (fits) return;
  throw new SessionError(
    'ERR_SESSION_INPUT',
    `userId is ${JSON.stringify(userId)}, but the option \`userId.type\` is ${type}: ` +
      `the ID must be a ${type} in its canonical spelling.`,
  );
}

function isWithin(value: bigint, limit: bigint): boolean {
  return value >= -limit && value < limit;
}
