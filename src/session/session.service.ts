import { SessionError } from '../errors.js';
import type { LiveSessions } from '../store/live-sessions.js';
import type { JsonObject, SessionRecord } from '../store/session-record.js';
import type { CreatedSession } from '../store/scripts.js';
import {
  bucketOf,
  digestOf,
  formatHandle,
  generateSessionId,
  parseHandle,
  parseSessionId,
  type SessionAddress,
} from '../store/session-id.js';
import { requestedExpiryOf } from './expiry.js';
import { checkClient, checkData, checkEnd, checkPatch, checkUserId, MAX_DATA } from './input.js';
import type {
  CreateSessionData,
  Session,
  SessionDataPatch,
  SessionDetails,
  SessionEnd,
  SessionUser,
  UserLoader,
} from './session.js';

/** The service's settings beside the store's rules. Times in ms. */
export interface SessionServiceSettings<TUser = SessionUser> {
  /** Lifetime of a session that is created without `expires`. */
  lifetime: number;
  /** 0 if sessions have no idle timeout. */
  idleTimeout: number;
  users: UserLoader<TUser>;
  /** Rejects a user ID that the audit tables can't store; see `userId.type`. */
  checkUserId?: (userId: string) => void;
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
  constructor(
    private readonly store: LiveSessions,
    private readonly settings: SessionServiceSettings<TUser>,
  ) {}

  /**
   * Creates a session. Once this resolves, the session's record reaches Postgres, whatever crashes
   * next.
   *
   * @throws SessionError `ERR_SESSION_INPUT`, `ERR_SESSION_EXPIRES`, `ERR_SESSION_DATA_TOO_LARGE`,
   * `ERR_SESSION_LIMIT`, `ERR_SESSION_BACKLOG`, `ERR_SESSION_REDIS_FULL`
   */
  async createSession(data: CreateSessionData): Promise<Session> {
    const userId = checkUserId(data.userId);
    this.settings.checkUserId?.(userId);
    const expiry = requestedExpiryOf(data.expires, this.settings.lifetime);
    const client = checkClient(data.client);
    const bucket = bucketOf(userId, this.store.buckets.count);
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
   */
  async destroySession(sessionId: string, end?: SessionEnd): Promise<void> {
    const cause = checkEnd(end, 'logout');
    const address = this.addressOf(sessionId);
    if (address) await this.store.destroy(address, cause);
  }

  /** Ends a session by its public handle; otherwise like `destroySession`. */
  async destroySessionByHandle(handle: string, end?: SessionEnd): Promise<void> {
    const cause = checkEnd(end, 'revoked');
    const address = this.parseHandle(handle);
    if (address) await this.store.destroy(address, cause);
  }

  /**
   * The user of a live session. Null if the ID is unknown, malformed, expired or ended, or if the
   * loader doesn't know the user (any more). Counts as a use of the session.
   */
  async validateSession(sessionId: string): Promise<TUser | null> {
    const found = await this.use(sessionId);
    return found && this.findUser(found.record.userId);
  }

  /** Like `validateSession`, but returns the session as well: what a guard needs, in one read. */
  async findValidSession(sessionId: string): Promise<ValidSession<TUser> | null> {
    const found = await this.use(sessionId);
    if (!found) return null;
    const user = await this.findUser(found.record.userId);
    return user && { user, session: toDetails(found.address, found.record) };
  }

  /** The session without its user, or null. Doesn't count as a use. */
  async getSession<TData extends JsonObject = JsonObject>(
    sessionId: string,
  ): Promise<SessionDetails<TData> | null> {
    const address = this.addressOf(sessionId);
    const record = address && (await this.store.read(address));
    return record && (toDetails(address, record) as SessionDetails<TData>);
  }

  /** The user's live sessions, newest first: by handle, never by ID. */
  async listUserSessions(userId: string): Promise<SessionDetails[]> {
    const bucket = bucketOf(checkUserId(userId), this.store.buckets.count);
    const found = await this.store.list(bucket, userId);
    return found
      .map(({ digest, record }) => toDetails({ bucket, digest }, record))
      .toSorted((a, b) => b.createdAt.getTime() - a.createdAt.getTime());
  }

  /**
   * Ends all sessions that the user has now ('log out everywhere').
   *
   * @param end `except` is the ID of a session to keep, such as the caller's own
   */
  async invalidateAllUserSessions(
    userId: string,
    end?: SessionEnd & { except?: string },
  ): Promise<void> {
    const bucket = bucketOf(checkUserId(userId), this.store.buckets.count);
    const cause = checkEnd(end, 'revoked');
    const spared = end?.except === undefined ? null : this.addressOf(end.except);
    await this.store.destroyAll(bucket, userId, spared?.digest ?? null, cause);
  }

  /**
   * Gives a session a new ID, for example after a change of privileges (ASVS 7.2.4). The old
   * session ends with the reason `rotated` in the same step. The absolute expiry and the moment of
   * sign-in stay the same.
   *
   * @throws SessionError `ERR_SESSION_NOT_FOUND`
   */
  async rotateSession(sessionId: string): Promise<Session> {
    const address = this.addressOf(sessionId);
    if (!address) throw notFound();
    const id = generateSessionId(address.bucket);
    const digest = digestOf(id);
    const created = await this.store.rotate(address, digest);
    if (!created) throw notFound();
    return toSession(id, { bucket: address.bucket, digest }, created);
  }

  /**
   * Changes the session's data by top-level field: two writers of different fields never overwrite
   * each other. A field set to `undefined` is removed.
   *
   * @throws SessionError `ERR_SESSION_NOT_FOUND`, `ERR_SESSION_INPUT`, `ERR_SESSION_DATA_TOO_LARGE`
   */
  async updateSessionData(sessionId: string, patch: SessionDataPatch): Promise<void> {
    const checked = checkPatch(patch);
    const address = this.addressOf(sessionId);
    if (!address) throw notFound();
    const found = await this.store.updateData(address, checked, MAX_DATA);
    if (!found) throw notFound();
  }

  /** Whether the user signed in within the last `maxAge` (ms), by Redis's clock. */
  async isFresh(session: SessionDetails, maxAge: number): Promise<boolean> {
    const address = this.parseHandle(session.handle);
    if (!address) return false;
    const now = await this.store.buckets.readTime(address.bucket);
    return now - session.signedInAt.getTime() <= maxAge;
  }

  /**
   * Whether each of these sessions, by handle, is alive; undefined if Redis (on a Cluster: the
   * session's node) didn't answer. Doesn't count as a use.
   *
   * @internal
   */
  async areAlive(handles: string[]): Promise<(boolean | undefined)[]> {
    const answers = new Map<string, boolean>();
    const asked = [...this.byBucket(handles)].map(async ([bucket, inBucket]) => {
      const digests = inBucket.map(({ digest }) => digest);
      const alive = await this.store.buckets.areAlive(bucket, digests);
      inBucket.forEach(({ handle }, i) => answers.set(handle, alive[i]!));
    });
    await Promise.allSettled(asked);
    return handles.map((handle) => answers.get(handle));
  }

  private byBucket(handles: string[]) {
    const buckets = new Map<number, { handle: string; digest: string }[]>();
    for (const handle of handles) {
      const address = this.parseHandle(handle);
      if (!address) continue;
      const { bucket, digest } = address;
      const found = buckets.get(bucket);
      if (found) found.push({ handle, digest });
      else buckets.set(bucket, [{ handle, digest }]);
    }
    return buckets;
  }

  /** Null also if the loader returns `undefined`, as a Map does. */
  private async findUser(userId: string): Promise<TUser | null> {
    return (await this.settings.users.findById(userId)) ?? null;
  }

  private addressOf(sessionId: unknown): SessionAddress | null {
    return parseSessionId(sessionId, this.store.buckets.count);
  }

  private parseHandle(handle: string): SessionAddress | null {
    return parseHandle(handle, this.store.buckets.count);
  }

  /** Reads a session, and records this use if the last recorded one is a while ago. */
  private async use(
    sessionId: string,
  ): Promise<{ address: SessionAddress; record: SessionRecord } | null> {
    const address = this.addressOf(sessionId);
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

function toSession(id: string, address: SessionAddress, created: CreatedSession): Session {
  return {
    id,
    handle: formatHandle(address),
    userId: created.userId,
    expiresAt: new Date(created.expiresAt),
    createdAt: new Date(created.createdAt),
  };
}

function toDetails(address: SessionAddress, record: SessionRecord): SessionDetails {
  return {
    handle: formatHandle(address),
    userId: record.userId,
    createdAt: new Date(record.createdAt),
    signedInAt: new Date(record.signedInAt),
    lastUsedAt: new Date(record.lastUsedAt),
    expiresAt: new Date(record.expiresAt),
    idleExpiresAt: new Date(record.idleExpiresAt),
    client: {
      ...(record.ip && { ip: record.ip }),
      ...(record.userAgent && { userAgent: record.userAgent }),
    },
    data: record.data,
  };
}

function notFound(): SessionError {
  return new SessionError(
    'ERR_SESSION_NOT_FOUND',
    'The session is unknown, malformed or over. Ask the user to sign in again.',
  );
}
