import type { RequestedExpiry } from './rejections.js';
import type { CreatedSession, EndCause } from './scripts.js';
import type { SessionAddress } from './session-id.js';
import type { JsonObject, JsonValue, SessionRecord } from './session-record.js';

/** A session to create; its input is checked. */
export interface NewSession {
  userId: string;
  expiry: RequestedExpiry;
  ip: string;
  userAgent: string;
  data: JsonObject;
}

/** What `SessionService` asks about buckets. Times in ms since 1970. */
export interface BucketTimes {
  readonly count: number;
  /** The time that decides when the bucket's sessions expire. */
  readTime(bucket: number): Promise<number>;
  /** That time as far as this process knows it. */
  estimateTime(bucket: number): Promise<number>;
  /** Which of these sessions are alive. */
  areAlive(bucket: number, digests: string[]): Promise<boolean[]>;
}

/**
 * The live sessions of a module, as `SessionService` uses them. `SessionStore` keeps them in Redis,
 * `MemorySessionStore` in the memory of a unit test; one suite of tests runs on both.
 */
export interface LiveSessions {
  readonly buckets: BucketTimes;
  /** @throws SessionError if a rule rejects the session, or Redis is unavailable */
  create(at: SessionAddress, session: NewSession): Promise<CreatedSession>;
  /** The session's record, or null if there is none (any more). */
  read(at: SessionAddress): Promise<SessionRecord | null>;
  /**
   * Slides the idle expiry of a session that was just read as `record`; returns its record, or null
   * if it is over. While the slot of its bucket moves to another node, it returns `record` unchanged.
   */
  touch(at: SessionAddress, record: SessionRecord): Promise<SessionRecord | null>;
  /** @param owner ends the session only if it is this user's */
  destroy(at: SessionAddress, cause: EndCause, owner?: string): Promise<void>;
  /** Ends all sessions that the user had when the call began, except `spared`. */
  destroyAll(bucket: number, userId: string, spared: string | null, cause: EndCause): Promise<void>;
  /** Moves a session to a new address in the same bucket; null for a session that is over. */
  rotate(from: SessionAddress, newDigest: string): Promise<CreatedSession | null>;
  /** Merges a patch into the data; false for a session that is over. */
  updateData(
    at: SessionAddress,
    patch: { [name: string]: JsonValue | undefined },
    limit: number,
  ): Promise<boolean>;
  /** A user's live sessions, by digest. */
  list(bucket: number, userId: string): Promise<{ digest: string; record: SessionRecord }[]>;
}
