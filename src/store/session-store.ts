import { SessionError } from '../errors.js';
import { BatchedCreates } from './batched-creates.js';
import { BatchedReads } from './batched-reads.js';
import type { Buckets } from './buckets.js';
import { creationRejected, dataTooLarge, type RequestedExpiry } from './rejections.js';
import {
  runCreate,
  runDestroy,
  runDestroyAll,
  runRotate,
  runTouch,
  runUpdateData,
  type CreateArgs,
  type CreatedSession,
  type CreateReply,
  type EndCause,
  type Stale,
  type StoreRules,
} from './scripts.js';
import type { SessionAddress } from './session-id.js';
import {
  formatData,
  formatPatch,
  parseRecord,
  SEPARATOR,
  type JsonObject,
  type JsonValue,
  type SessionRecord,
} from './session-record.js';

/** The longest `redisTimeout` (ms): half the scripts' REPLAY_WINDOW, as the clock is an estimate. */
export const MAX_REDIS_TIMEOUT = 5_000;
/** Sessions that one run of a script ends: bounds how long Redis is blocked (low milliseconds). */
const CHUNK = 250;

export interface NewSession {
  userId: string;
  expiry: RequestedExpiry;
  ip: string;
  userAgent: string;
  data: JsonObject;
}

/** Live sessions in Redis. Every change is one script; a read is one plain command. */
export class SessionStore {
  private readonly reads: BatchedReads;
  private readonly creates: BatchedCreates<CreateArgs, CreateReply>;

  constructor(
    readonly buckets: Buckets,
    private readonly rules: StoreRules,
  ) {
    this.reads = new BatchedReads(buckets.redis);
    this.creates = new BatchedCreates(buckets.redis.timeout, (bucket, sessions) =>
      this.createTogether(bucket, sessions),
    );
  }

  /** @throws SessionError if a rule rejects the session, or Redis is unavailable */
  async create(at: SessionAddress, session: NewSession): Promise<CreatedSession> {
    // Bounded as a whole, because it may wait for the run before its own.
    const reply = await this.buckets.redis.bounded(
      this.creates.add(at.bucket, toCreateArgs(at.digest, session)),
    );
    if (reply.status === 'OK') return reply.session;
    if (reply.status === 'AGAIN') return this.create(at, session);
    throw creationRejected(reply, session.expiry, this.rules);
  }

  /** The session's record, or null if there is none (any more). */
  async read(at: SessionAddress): Promise<SessionRecord | null> {
    const record = await this.reads.get(this.buckets.keysOf(at.bucket).session(at.digest));
    return record === null ? null : parseRecord(record);
  }

  /** Slides the idle expiry; null for a session that is over. */
  async touch(at: SessionAddress): Promise<{ lastUsedAt: number; idleExpiresAt: number } | null> {
    const { redis } = this.buckets;
    const keys = this.buckets.keysOf(at.bucket);
    const reply = await runTouch(redis, keys, at.digest, this.rules.idleTimeout);
    if (reply.status === 'GONE') return null;
    const { lastUsedAt, idleExpiresAt } = reply;
    return { lastUsedAt, idleExpiresAt };
  }

  async destroy(at: SessionAddress, cause: EndCause): Promise<void> {
    await runDestroy(this.buckets.redis, this.buckets.keysOf(at.bucket), at.digest, cause);
    this.buckets.emit(at.bucket);
  }

  /** Ends all sessions that the user had when the call began, except `spared`. */
  async destroyAll(
    bucket: number,
    userId: string,
    spared: string | null,
    cause: EndCause,
  ): Promise<void> {
    // The cutoff is Redis's own time, read before the first chunk.
    const cutoff = await this.buckets.readTime(bucket);
    const request = { userId, cutoff, spared: spared ?? '', chunk: CHUNK, ...cause };
    let more = true;
    while (more) {
      more = await runDestroyAll(this.buckets.redis, this.buckets.keysOf(bucket), request);
      this.buckets.emit(bucket);
    }
  }

  /** Moves a session to a new address in the same bucket; null for a session that is over. */
  async rotate(from: SessionAddress, newDigest: string): Promise<CreatedSession | null> {
    const { idleTimeout } = this.rules;
    const keys = this.buckets.keysOf(from.bucket);
    const [reply] = await this.withDeadline(from.bucket, async (deadline) => [
      await runRotate(this.buckets.redis, keys, {
        from: from.digest,
        to: newDigest,
        idleTimeout,
        deadline,
      }),
    ]);
    this.buckets.emit(from.bucket);
    return reply?.status === 'OK' ? reply.session : null;
  }

  /** Merges a patch into the data; false for a session that is over. */
  async updateData(
    at: SessionAddress,
    patch: { [name: string]: JsonValue | undefined },
    limit: number,
  ): Promise<boolean> {
    const keys = this.buckets.keysOf(at.bucket);
    const request = { digest: at.digest, limit, patch: formatPatch(patch) };
    const [reply] = await this.withDeadline(at.bucket, async (deadline) => [
      await runUpdateData(this.buckets.redis, keys, { ...request, deadline }),
    ]);
    if (reply?.status === 'TOO_LARGE') throw dataTooLarge(reply.bytes, limit);
    return reply?.status === 'OK';
  }

  /** A user's live sessions, by digest. */
  async list(bucket: number, userId: string): Promise<{ digest: string; record: SessionRecord }[]> {
    const { client, redis } = this.buckets;
    const keys = this.buckets.keysOf(bucket);
    const digests = await redis.bounded(client.zrange(keys.userSet(userId), 0, -1));
    const found: { digest: string; record: SessionRecord }[] = [];
    for (let from = 0; from < digests.length; from += CHUNK) {
      const chunk = digests.slice(from, from + CHUNK);
      const records = await redis.bounded(client.mget(chunk.map((each) => keys.session(each))));
      records.forEach((record, i) => {
        // A member without a record is a session that has expired and isn't swept yet.
        if (record !== null) found.push({ digest: chunk[i]!, record: parseRecord(record) });
      });
    }
    return found;
  }

  private async createTogether(bucket: number, sessions: CreateArgs[]): Promise<CreateReply[]> {
    const replies = await this.withDeadline(bucket, (deadline) =>
      runCreate(this.buckets.redis, this.buckets.keysOf(bucket), this.rules, deadline, sessions),
    );
    this.buckets.emit(bucket);
    return replies;
  }

  /**
   * Runs a script that rejects a late request. If only the estimate of Redis's clock was off (the
   * process was suspended, Redis's clock was set), it tries once more with the right time.
   */
  private async withDeadline<T extends { status: string }>(
    bucket: number,
    run: (deadline: number) => Promise<T[]>,
  ): Promise<T[]> {
    const attempt = async () => {
      const now = await this.buckets.estimateTime(bucket);
      return run(Math.ceil(now) + MAX_REDIS_TIMEOUT);
    };
    let replies = await attempt();
    const stale = replies.find(isStale) as Stale | undefined;
    if (stale) {
      this.buckets.clockOf(bucket).set(stale.now);
      replies = await attempt();
    }
    if (replies.some(isStale)) throw tooLateTwice();
    return replies;
  }
}

function toCreateArgs(digest: string, session: NewSession): CreateArgs {
  return [
    digest,
    session.userId,
    formatExpiry(session.expiry),
    session.ip + SEPARATOR + session.userAgent,
    formatData(session.data),
  ];
}

/** The sign tells a lifetime from now from a moment. */
function formatExpiry({ kind, value }: RequestedExpiry): string {
  return kind === 'for' ? `+${value}` : String(value);
}

function isStale(reply: { status: string }): boolean {
  return reply.status === 'STALE';
}

function tooLateTwice(): SessionError {
  return new SessionError(
    'ERR_SESSION_REDIS_UNAVAILABLE',
    'Redis ran a script after its deadline, twice. Check the load of this process and of Redis.',
  );
}
