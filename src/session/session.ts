import type { JsonObject, JsonValue } from '../store/session-record.js';
import type { Duration } from './duration.js';

declare const kind: unique symbol;

/**
 * The bearer secret of a session: `sid_`, 2 hex digits, then 256 random bits in base64url. Any text is
 * accepted for it, because it comes from clients; but not a `SessionHandle`, which is an error when
 * the application is compiled.
 */
export type SessionId = string & { readonly [kind]?: 'session ID' };

/**
 * The public name of a session: safe to show, log and store. It grants no access. Any text is accepted
 * for it, but not a `SessionId`.
 */
export type SessionHandle = string & { readonly [kind]?: 'handle' };

/** A new session. This is the only time that its ID is available. */
export interface Session {
  /** The bearer secret for the client. */
  id: SessionId;
  /** The session's public name: safe to show, log and store. It grants no access. */
  handle: SessionHandle;
  userId: string;
  /** The absolute expiry: when the session ends at the latest. An `idleTimeout` may end it earlier. */
  expiresAt: Date;
  createdAt: Date;
}

/** The client that signed in. */
export interface ClientDetails {
  /** One IPv4 or IPv6 address. */
  ip?: string;
  /** Truncated to 512 characters; control characters are removed. */
  userAgent?: string;
}

/** A live session without its user, and without its ID: safe to list. */
export interface SessionDetails<TData extends JsonObject = JsonObject> {
  handle: SessionHandle;
  userId: string;
  createdAt: Date;
  /** When the user signed in: before `createdAt` if the session was rotated. */
  signedInAt: Date;
  /** The last recorded use; with an `idleTimeout`, uses within a tenth of it are recorded once. */
  lastUsedAt: Date;
  /** The absolute expiry, which no use can move. */
  expiresAt: Date;
  /** When the session expires if it isn't used again; with an `idleTimeout`, before `expiresAt`. */
  idleExpiresAt: Date;
  client: ClientDetails;
  data: TData;
}

/** The input of `createSession`. */
export interface CreateSessionData {
  /** Up to 255 characters: any Unicode except control characters and lone surrogates. */
  userId: string;
  /**
   * The absolute expiry: a lifetime (ms, or text such as `'8h'`), or a moment as a `Date` or as ms since
   * 1970 (numbers from 10^12 on are moments). At most `maxLifetime` ahead. A number that as Unix
   * seconds is such a moment is rejected. Default: `lifetime` (12 hours).
   */
  expires?: Duration | Date;
  client?: ClientDetails;
  /** The application's own data, at most 16 KiB as JSON. */
  data?: JsonObject;
}

/** Why a session ends, and who ended it. Both are recorded in the ledger. */
export interface SessionEnd {
  /**
   * Up to 64 characters. Default: `logout` for `destroySession`, `revoked` for
   * `destroySessionByHandle` and `invalidateAllUserSessions`.
   */
  reason?: string;
  /** Who ended it, such as an administrator's ID: up to 255 characters. Default: none. */
  actor?: string;
}

/** A change of a session's data, by top-level field. A field set to `undefined` is removed. */
export type SessionDataPatch = { [field: string]: JsonValue | undefined };

/** The user, if the application sets no `users` loader. */
export interface SessionUser {
  id: string;
}

/** Loads the application's users. */
export interface UserLoader<TUser> {
  /** Null for a user who must not (or no longer) be signed in: then the session is not valid. */
  findById(userId: string): Promise<TUser | null>;
}
