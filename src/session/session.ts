import type { JsonObject, JsonValue } from '../store/session-record.js';

/** A session as it begins. This is the only time that its ID is seen. */
export interface Session {
  /** The bearer secret for the client: 2 hex digits, then 256 random bits in base64url. */
  id: string;
  /** The session's public name, safe to show, log and store. It gives no access. */
  handle: string;
  userId: string;
  /** The hard end: when the session ends at the latest. An `idleTimeout` may end it before. */
  expiresAt: Date;
  createdAt: Date;
}

/** What the client looked like when it signed in. */
export interface ClientDetails {
  /** One IPv4 or IPv6 address. */
  ip?: string;
  /** Cut at 512 characters; control characters are removed. */
  userAgent?: string;
}

/** A live session without its user, and without its ID: safe to list. */
export interface SessionDetails<TData extends JsonObject = JsonObject> {
  handle: string;
  userId: string;
  createdAt: Date;
  /** When the user signed in: before `createdAt` once the session was rotated. */
  signedInAt: Date;
  /** The last use that was noted; with an `idleTimeout`, at most a tenth of it ago. */
  lastUsedAt: Date;
  /** The hard end, which no use can move. */
  expiresAt: Date;
  /** When the session ends if it isn't used again: with an `idleTimeout`, before `expires`. */
  idleExpiresAt: Date;
  client: ClientDetails;
  data: TData;
}

/** What a session needs to begin. */
export interface CreateSessionData {
  /** Up to 255 characters of any Unicode but control characters and lone surrogates. */
  userId: string;
  /**
   * The hard end: a lifetime in milliseconds, or a moment, as a `Date` or as a number that can
   * only be one (10^12 and above). At most `maxLifetime` away. Default: `lifetime` (12 hours).
   */
  expires?: number | Date;
  client?: ClientDetails;
  /** The application's own data, at most 16 KiB as JSON. */
  data?: JsonObject;
}

/** Why a session ends, and who ended it. Both go into the ledger. */
export interface SessionEnd {
  /** Up to 64 characters. Default `logout` for one session, `revoked` for all of a user. */
  reason?: string;
  /** Who did it, up to 255 characters: the ID of an administrator, say. Default: none. */
  actor?: string;
}

/** A change of a session's data by top-level field; a field set to `undefined` is removed. */
export type SessionDataPatch = { [field: string]: JsonValue | undefined };

/** The user as the module knows it where the application gives no `users` loader. */
export interface SessionUser {
  id: string;
}

/** The application's own users. */
export interface UserLoader<TUser> {
  /** Null for a user who may not (or no longer) be signed in: the session is then not valid. */
  findById(userId: string): Promise<TUser | null>;
}
