import { SessionError } from '../errors.js';
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
import type { SessionStore } from '../store/session-store.js';
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

/** What the service needs to know beside the store's own rules. Times in ms. */
export interface SessionServiceSettings<TUser = SessionUser> {
  /** Lifetime of a session that is created without `expires`. */
  lifetime: number;
  /** 0 where sessions don't slide. */
  idleTimeout: number;
  users: UserLoader<TUser>;
  /** Refuses a user ID that the audit tables couldn't take; see `userId.type`. */
  checkUserId?: (userId: string) => void;
}

/** A session that was found alive, with its user. */
export interface ValidSession<TUser = SessionUser> {
  user: TUser;
  session: SessionDetails;
}

/**
 * Creates, finds and ends sessions.
 *
 * Every method fails with `ERR_SESSION_REDIS_UNAVAILABLE` where Redis doesn't answer within
 * `redisTimeout`: never with 'no session', never with a session that may be over.
 */
export class SessionService<TUser = SessionUser> {
  constructor(
    private readonly store: SessionStore,
    private readonly settings: SessionServiceSettings<TUser>,
  ) {}

  /**
   * Begins a session. Once this resolves, the session's record will reach Postgres, whatever
   * crashes next.
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
    const begun = await this.store.create(address, {
      userId,
      expiry,
      ...client,
      data: checkData(data.data),
    });
    return toSession(id, address, begun);
  }

  /**
   * Ends a session. Of an ID that is unknown, malformed or over there is nothing left to end, so
   * the call resolves all the same.
   */
  async destroySession(sessionId: string, end?: SessionEnd): Promise<void> {
    const cause = checkEnd(end, 'logout');
    const address = this.addressOf(sessionId);
    if (address) await this.store.destroy(address, cause);
  }

  /** Ends a session by its public handle; otherwise as `destroySession`. */
  async destroySessionByHandle(handle: string, end?: SessionEnd): Promise<void> {
    const cause = checkEnd(end, 'revoked');
    const address = this.parseHandle(handle);
    if (address) await this.store.destroy(address, cause);
  }

  /**
   * The user of a live session. Null for an ID that is unknown, malformed, expired or ended, and
   * for a user whom the loader doesn't know (any more). Counts as a use of the session.
   */
  async validateSession(sessionId: string): Promise<TUser | null> {
    const found = await this.use(sessionId);
    return found && this.findUser(found.record.userId);
  }

  /** As `validateSession`, with the session beside its user: what a guard needs, in one read. */
  async findValidSession(sessionId: string): Promise<ValidSession<TUser> | null> {
    const found = await this.use(sessionId);
    if (!found) return null;
    const user = await this.findUser(found.record.userId);
    return user && { user, session: toDetails(found.address, found.record) };
  }

  /** The session without its user, or null. Looking at it doesn't count as a use. */
  async getSession<TData extends JsonObject = JsonObject>(
    sessionId: string,
  ): Promise<SessionDetails<TData> | null> {
    const address = this.addressOf(sessionId);
    const record = address && (await this.store.read(address));
    return record && (toDetails(address, record) as SessionDetails<TData>);
  }

  /** The user's live sessions, the newest first: by handle, never by ID. */
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
   * @param end `except` is the ID of a session to spare: that of the caller, say
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
   * Gives a session a new ID, as after a change of privileges (ASVS 7.2.4): the old one ends
   * with the reason `rotated` in the same step. Its hard end and moment of sign-in stay.
   *
   * @throws SessionError `ERR_SESSION_NOT_FOUND`
   */
  async rotateSession(sessionId: string): Promise<Session> {
    const address = this.addressOf(sessionId);
    if (!address) throw notFound();
    const id = generateSessionId(address.bucket);
    const digest = digestOf(id);
    const begun = await this.store.rotate(address, digest);
    if (!begun) throw notFound();
    return toSession(id, { bucket: address.bucket, digest }, begun);
  }

  /**
   * Changes the session's data, top-level field by field: two writers of different fields never
   * lose each other's. A field set to `undefined` is removed.
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

  /** Whether the session's user signed in within the last `maxAge` ms, by Redis's own clock. */
  async isFresh(session: SessionDetails, maxAge: number): Promise<boolean> {
    const address = this.parseHandle(session.handle);
    if (!address) return false;
    const now = await this.store.buckets.readTime(address.bucket);
    return now - session.signedInAt.getTime() <= maxAge;
  }

  /**
   * Whether each of these sessions, by handle, is alive; undefined where Redis, or in a Cluster the
   * node that would know, gave no answer. Asking doesn't count as a use.
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

  /** Null also where the loader says `undefined`, as a Map does. */
  private async findUser(userId: string): Promise<TUser | null> {
    return (await this.settings.users.findById(userId)) ?? null;
  }

  private addressOf(sessionId: unknown): SessionAddress | null {
    return parseSessionId(sessionId, this.store.buckets.count);
  }

  private parseHandle(handle: string): SessionAddress | null {
    return parseHandle(handle, this.store.buckets.count);
  }

  /** Reads a session and, where it slides and the last use is a while ago, notes this one. */
  private async use(
    sessionId: string,
  ): Promise<{ address: SessionAddress; record: SessionRecord } | null> {
    const address = this.addressOf(sessionId);
    if (!address) return null;
    const record = await this.store.read(address);
    if (!record || !(await this.isTouchDue(address, record))) return record && { address, record };
    const touched = await this.store.touch(address);
    // It may have ended since it was read; then it is over, whatever the record said.
    return touched && { address, record: { ...record, ...touched } };
  }

  /** Sparse: once in a tenth of the idle timeout. The script judges again, by Redis's clock. */
  private async isTouchDue(at: SessionAddress, record: SessionRecord): Promise<boolean> {
    const { idleTimeout } = this.settings;
    if (idleTimeout === 0) return false;
    const now = await this.store.buckets.estimateTime(at.bucket);
    return now - record.lastUsedAt >= idleTimeout / 10;
  }
}

function toSession(id: string, address: SessionAddress, begun: CreatedSession): Session {
  return {
    id,
    handle: formatHandle(address),
    userId: begun.userId,
    expiresAt: new Date(begun.expiresAt),
    createdAt: new Date(begun.createdAt),
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
