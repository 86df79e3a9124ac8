import { SessionError } from '../errors.js';
import type { LiveSessions } from '../store/live-sessions.js';
import type { JsonObject, SessionRecord } from '../store/session-record.js';
import { digestOf, generateSessionId, type SessionAddress } from '../store/session-id.js';
import { requestedExpiryOf } from './expiry.js';
import type { Duration } from './duration.js';
import {
  checkAge,
  checkClient,
  checkData,
  checkEnd,
  checkObject,
  checkPatch,
  MAX_DATA,
} from './input.js';
import { Addresses } from './addresses.js';
import { toDetails, toSession } from './to-session.js';
import type {
  CreateSessionData,
  Session,
  SessionDataPatch,
  SessionDetails,
  SessionEnd,
  SessionHandle,
  SessionId,
  SessionUser,
  UserLoader,
} from './session.js';

/** The service's settings beside the store's rules. Times in ms. */
export interface SessionServiceSettings<TUser = SessionUser> {
  /** Lifetime of a session that is created without `expires`. */
  lifetime: number;
  maxLifetime: number;
  /** 0 if sessions have no idle timeout. */
  idleTimeout: number;
  users: UserLoader<TUser>;
  /**
   * Brings a user ID to its one spelling, or rejects it if the audit tables can't store it; see
   * `userId.type`.
   */
  toUserId?: (userId: string) => string;
}

/** A live session and its user. */
export interface ValidSession<TUser = SessionUser> {
  user: TUser;
  session: SessionDetails;
}

/**
 * Creates, finds and ends sessions.
 *
 * Every method fails with `ERR_SESSION_REDIS_UNAVAILABLE` if Redis doesn't answer within
 * `redisTimeout`. It never answers 'no session' or returns a session that may be over instead.
 */
export class SessionService<TUser = SessionUser> {
  private readonly addresses: Addresses;

  constructor(
    private readonly store: LiveSessions,
    private readonly settings: SessionServiceSettings<TUser>,
  ) {
    this.addresses = new Addresses(store.buckets, settings.toUserId);
  }

  /**
   * Creates a session. Once this resolves, the session's record reaches Postgres, whatever crashes
   * next.
   *
   * @throws SessionError `ERR_SESSION_INPUT`, `ERR_SESSION_EXPIRES`, `ERR_SESSION_DATA_TOO_LARGE`,
   * `ERR_SESSION_LIMIT`, `ERR_SESSION_BACKLOG`, `ERR_SESSION_REDIS_FULL`
   */
  async createSession(data: CreateSessionData): Promise<Session> {
    checkObject('createSession', data);
    const { userId, bucket } = this.addresses.ofUser(data.userId);
    const expiry = requestedExpiryOf(data.expires, this.settings);
    const client = checkClient(data.client);
    const id = generateSessionId(bucket);
    const address = { bucket, digest: digestOf(id) };
    const created = await this.store.create(address, {
      userId,
      expiry,
      ...client,
      data: checkData(data.data),
    });
    return toSession(id, address, created);
  }

  /**
   * Ends a session. Idempotent: resolves even if the ID is unknown, malformed or already ended.
   *
   * @throws SessionError `ERR_SESSION_INPUT` for a handle: use `destroySessionByHandle`
   */
  async destroySession(sessionId: SessionId, end?: SessionEnd): Promise<void> {
    const cause = checkEnd(end, 'logout');
    const address = this.addresses.ofId(sessionId, 'destroySession');
    if (address) await this.store.destroy(address, cause);
  }

  /**
   * Ends a session by its public handle; otherwise like `destroySession`.
   *
   * @param end `userId` ends it only if it is a session of this user: for a handle that a client sent
   * @throws SessionError `ERR_SESSION_INPUT` for a session ID: use `destroySession`
   */
  async destroySessionByHandle(
    handle: SessionHandle,
    end?: SessionEnd & { userId?: string },
  ): Promise<void> {
    const cause = checkEnd(end, 'revoked');
    const owner = end?.userId === undefined ? undefined : this.addresses.ofUser(end.userId).userId;
    const address = this.addresses.ofHandle(handle, 'destroySessionByHandle');
    if (address) await this.store.destroy(address, cause, owner);
  }

  /**
   * The user of a live session. Null if the ID is unknown, malformed, expired or ended, or if the
   * loader doesn't know the user (any more). Counts as a use of the session.
   */
  async validateSession(sessionId: SessionId): Promise<TUser | null> {
    const found = await this.use(sessionId);
    return found && this.findUser(found.record.userId);
  }

  /** Like `validateSession`, but returns the session as well: what a guard needs, in one read. */
  async findValidSession(sessionId: SessionId): Promise<ValidSession<TUser> | null> {
    const found = await this.use(sessionId);
    if (!found) return null;
    const user = await this.findUser(found.record.userId);
    return user && { user, session: toDetails(found.address, found.record) };
  }

  /** The session without its user, or null. Doesn't count as a use. */
  async getSession<TData extends JsonObject = JsonObject>(
    sessionId: SessionId,
  ): Promise<SessionDetails<TData> | null> {
    const address = this.addresses.ofId(sessionId);
    const record = address && (await this.store.read(address));
    return record && (toDetails(address, record) as SessionDetails<TData>);
  }

  /** The user's live sessions, newest first: by handle, never by ID. */
  async listUserSessions(userId: string): Promise<SessionDetails[]> {
    const user = this.addresses.ofUser(userId);
    const { bucket } = user;
    const found = await this.store.list(bucket, user.userId);
    return found
      .map(({ digest, record }) => toDetails({ bucket, digest }, record))
      .toSorted((a, b) => b.createdAt.getTime() - a.createdAt.getTime());
  }

  /**
   * Ends all sessions that the user has now ('log out everywhere').
   *
   * @param end `except` is the handle or the ID of a session to keep, such as the caller's own
   */
  async invalidateAllUserSessions(
    userId: string,
    end?: SessionEnd & { except?: SessionHandle | SessionId },
  ): Promise<void> {
    const user = this.addresses.ofUser(userId);
    const cause = checkEnd(end, 'revoked');
    const spared = this.addresses.ofId(end?.except) ?? this.addresses.ofHandle(end?.except);
    await this.store.destroyAll(user.bucket, user.userId, spared?.digest ?? null, cause);
  }

  /**
   * Gives a session a new ID, for example after a change of privileges (ASVS 7.2.4). The old
   * session ends with the reason `rotated` in the same step. The absolute expiry and the moment of
   * sign-in stay the same.
   *
   * @throws SessionError `ERR_SESSION_NOT_FOUND`; `ERR_SESSION_INPUT` for a handle
   */
  async rotateSession(sessionId: SessionId): Promise<Session> {
    return this.rotate(this.addresses.ofId(sessionId, 'rotateSession'));
  }

  /**
   * Like `rotateSession`, for code that runs after the guard and has only the handle. It returns the
   * new session ID, so never call it with a handle that a client sent.
   *
   * @throws SessionError `ERR_SESSION_NOT_FOUND`; `ERR_SESSION_INPUT` for a session ID
   */
  async rotateSessionByHandle(handle: SessionHandle): Promise<Session> {
    return this.rotate(this.addresses.ofHandle(handle, 'rotateSessionByHandle'));
  }

  /**
   * Changes the session's data by top-level field: two writers of different fields never overwrite
   * each other. A field set to `undefined` is removed.
   *
   * @throws SessionError `ERR_SESSION_NOT_FOUND`, `ERR_SESSION_DATA_TOO_LARGE`; `ERR_SESSION_INPUT`
   * for an invalid patch, or for a handle
   */
  async updateSessionData(sessionId: SessionId, patch: SessionDataPatch): Promise<void> {
    await this.update(this.addresses.ofId(sessionId, 'updateSessionData'), patch);
  }

  /**
   * Like `updateSessionData`, for code that runs after the guard and has only the handle.
   *
   * @throws SessionError `ERR_SESSION_NOT_FOUND`, `ERR_SESSION_DATA_TOO_LARGE`; `ERR_SESSION_INPUT`
   * for an invalid patch, or for a session ID
   */
  async updateSessionDataByHandle(handle: SessionHandle, patch: SessionDataPatch): Promise<void> {
    await this.update(this.addresses.ofHandle(handle, 'updateSessionDataByHandle'), patch);
  }

  /**
   * Whether the user signed in within the last `maxAge` (ms, or text such as `'10m'`), by Redis's clock.
   *
   * @throws SessionError `ERR_SESSION_INPUT`
   */
  async isFresh(
    session: Pick<SessionDetails, 'handle' | 'signedInAt'>,
    maxAge: Duration,
  ): Promise<boolean> {
    const limit = checkAge(maxAge);
    const address = this.addresses.ofHandle(session.handle, 'isFresh');
    if (!address) return false;
    const now = await this.store.buckets.readTime(address.bucket);
    return now - session.signedInAt.getTime() <= limit;
  }

  /**
   * Whether each of these sessions, by handle, is alive; undefined if Redis (on a Cluster: the
   * session's node) didn't answer. Doesn't count as a use.
   *
   * @internal
   */
  async areAlive(handles: string[]): Promise<(boolean | undefined)[]> {
    const answers = new Map<string, boolean>();
    const asked = [...this.addresses.byBucket(handles)].map(async ([bucket, inBucket]) => {
      const digests = inBucket.map(({ digest }) => digest);
      const alive = await this.store.buckets.areAlive(bucket, digests);
      inBucket.forEach(({ handle }, i) => answers.set(handle, alive[i]!));
    });
    await Promise.allSettled(asked);
    return handles.map((handle) => answers.get(handle));
  }

  private async rotate(address: SessionAddress | null): Promise<Session> {
    if (!address) throw notFound();
    const id = generateSessionId(address.bucket);
    const digest = digestOf(id);
    const created = await this.store.rotate(address, digest);
    if (!created) throw notFound();
    return toSession(id, { bucket: address.bucket, digest }, created);
  }

  private async update(address: SessionAddress | null, patch: SessionDataPatch): Promise<void> {
    const checked = checkPatch(patch);
    if (!address || !(await this.store.updateData(address, checked, MAX_DATA))) throw notFound();
  }

  /** Null also if the loader returns `undefined`, as a Map does. */
  private async findUser(userId: string): Promise<TUser | null> {
    return (await this.settings.users.findById(userId)) ?? null;
  }

  /** Reads a session, and records this use if the last recorded one is a while ago. */
  private async use(
    sessionId: string,
  ): Promise<{ address: SessionAddress; record: SessionRecord } | null> {
    const address = this.addresses.ofId(sessionId);
    if (!address) return null;
    const record = await this.store.read(address);
    if (!record || !(await this.isTouchDue(address, record))) return record && { address, record };
    // It may have ended since it was read: then it is over, whatever the record said.
    const touched = await this.store.touch(address, record);
    return touched && { address, record: touched };
  }

  /** Sparse: once in a tenth of the idle timeout. The script checks again by Redis's clock. */
  private async isTouchDue(at: SessionAddress, record: SessionRecord): Promise<boolean> {
    const { idleTimeout } = this.settings;
    if (idleTimeout === 0) return false;
    const now = await this.store.buckets.estimateTime(at.bucket);
    return now - record.lastUsedAt >= idleTimeout / 10;
  }
}

function notFound(): SessionError {
  return new SessionError(
    'ERR_SESSION_NOT_FOUND',
    'The session is unknown, malformed or over. Ask the user to sign in again.',
  );
}
