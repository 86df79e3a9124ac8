import { BatchedCreates, type RequestedCreate } from './batched-creates.js';
import { BatchedReads } from './batched-reads.js';
import type { Buckets } from './buckets.js';
import type { LiveSessions, NewSession } from './live-sessions.js';
import { isSlotMoving } from './moving-slots.js';
import { creationRejected, dataTooLarge, tooLate, type RequestedExpiry } from './rejections.js';
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
  type JsonValue,
  type SessionRecord,
} from './session-record.js';

/** Sessions that one run of a script ends: bounds how long Redis is blocked (low milliseconds). */
const CHUNK = 250;

/** Live sessions in Redis. Every change is one script; a read is one plain command. */
export class SessionStore implements LiveSessions {
  private readonly reads: BatchedReads;
  private readonly creates: BatchedCreates<CreateRequest, CreateReply>;

  constructor(
    readonly buckets: Buckets,
    private readonly rules: StoreRules,
  ) {
    this.reads = new BatchedReads(buckets.reads);
    this.creates = new BatchedCreates(buckets.redis.timeout, (bucket, creates) =>
      this.createTogether(bucket, creates),
    );
  }

  async create(at: SessionAddress, session: NewSession): Promise<CreatedSession> {
    // Bounded as a whole, because it may wait for the run before its own.
    const reply = await this.buckets.redis.bounded(
      this.creates.add(at.bucket, { digest: at.digest, ...session }),
    );
    if (reply.status === 'OK') return reply.session;
    if (reply.status === 'AGAIN') return this.create(at, session);
    throw creationRejected(reply, session.expiry, this.rules);
  }

  async read(at: SessionAddress): Promise<SessionRecord | null> {
    const record = await this.reads.get(this.buckets.keysOf(at.bucket).session(at.digest));
    return record === null ? null : parseRecord(record);
  }

  async touch(at: SessionAddress, record: SessionRecord): Promise<SessionRecord | null> {
    const { redis } = this.buckets;
    const keys = this.buckets.keysOf(at.bucket);
    try {
      const reply = await runTouch(redis, keys, at.digest, this.rules.idleTimeout);
      if (reply.status === 'GONE') return null;
      const { lastUsedAt, idleExpiresAt } = reply;
      return { ...record, lastUsedAt, idleExpiresAt };
    } catch (error) {
      if (isSlotMoving(error)) return record; // it was valid when it was read
      throw error;
    }
  }

  async destroy(at: SessionAddress, cause: EndCause, owner?: string): Promise<void> {
    await runDestroy(this.buckets.redis, this.buckets.keysOf(at.bucket), at.digest, cause, owner);
    this.buckets.emit(at.bucket);
  }

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

  async rotate(from: SessionAddress, newDigest: string): Promise<CreatedSession | null> {
    const { idleTimeout } = this.rules;
    const keys = this.buckets.keysOf(from.bucket);
    const reply = await this.withDeadline(from.bucket, (deadline) =>
      runRotate(this.buckets.redis, keys, {
        from: from.digest,
        to: newDigest,
        idleTimeout,
        deadline,
      }),
    );
    this.buckets.emit(from.bucket);
    return reply.status === 'OK' ? reply.session : null;
  }

  async updateData(
    at: SessionAddress,
    patch: { [name: string]: JsonValue | undefined },
    limit: number,
  ): Promise<boolean> {
    const keys = this.buckets.keysOf(at.bucket);
    const request = { digest: at.digest, limit, patch: formatPatch(patch) };
    const reply = await this.withDeadline(at.bucket, (deadline) =>
      runUpdateData(this.buckets.redis, keys, { ...request, deadline }),
    );
    if (reply.status === 'TOO_LARGE') throw dataTooLarge(reply.bytes, limit);
    return reply.status === 'OK';
  }

  async list(bucket: number, userId: string): Promise<{ digest: string; record: SessionRecord }[]> {
    const { reads } = this.buckets;
    const keys = this.buckets.keysOf(bucket);
    const digests = await reads.reply<string[]>(
      (redis) => redis.zrange(keys.userSet(userId), 0, -1),
      keys.proof,
    );
    const found: { digest: string; record: SessionRecord }[] = [];
    for (let from = 0; from < digests.length; from += CHUNK) {
      const chunk = digests.slice(from, from + CHUNK);
      const records = await reads.getAll(chunk.map((each) => keys.session(each)));
      records.forEach((record, i) => {
        // A member without a record is a session that has expired and isn't swept yet.
        if (record !== null) found.push({ digest: chunk[i]!, record: parseRecord(record) });
      });
    }
    return found;
  }

  private async createTogether(
    bucket: number,
    creates: RequestedCreate<CreateRequest>[],
  ): Promise<CreateReply[]> {
    const run = async (chosen: RequestedCreate<CreateRequest>[]) => {
      const toDeadline = await this.deadlines(bucket);
      const sessions = chosen.map(({ session, givesUpAt }) =>
        toCreateArgs(session, toDeadline(givesUpAt)),
      );
      return runCreate(this.buckets.redis, this.buckets.keysOf(bucket), this.rules, sessions);
    };
    const replies = await run(creates);
    this.buckets.emit(bucket);
    const stale = creates.filter((_, i) => this.correctClock(bucket, replies[i]!));
    const waiting = stale.filter(({ givesUpAt }) => givesUpAt > performance.now());
    if (waiting.length === 0) return replies;
    // If the second run fails, the sessions of the first one exist all the same.
    const again = new Map<RequestedCreate<CreateRequest>, CreateReply>();
    const later = await run(waiting).catch(() => []);
    later.forEach((reply, i) => again.set(waiting[i]!, reply));
    this.buckets.emit(bucket);
    return replies.map((reply, i) => again.get(creates[i]!) ?? reply);
  }

  /**
   * Runs a script that rejects a late request. Its deadline is the moment at which the caller gets
   * an error, so that nothing is done after that error.
   */
  private async withDeadline<T extends { status: string }>(
    bucket: number,
    run: (deadline: number) => Promise<T>,
  ): Promise<Exclude<T, Stale>> {
    const { redis } = this.buckets;
    const givesUpAt = performance.now() + redis.timeout;
    const attempt = async () => run((await this.deadlines(bucket))(givesUpAt));
    return redis.bounded(
      (async () => {
        let reply = await attempt();
        if (this.correctClock(bucket, reply)) reply = await attempt();
        if (isStale(reply)) throw tooLate();
        return reply as Exclude<T, Stale>;
      })(),
    );
  }

  /** Translates moments of the process's monotonic clock to Redis's clock (ms since 1970). */
  private async deadlines(bucket: number): Promise<(givesUpAt: number) => number> {
    // The estimate is behind Redis's clock, unless that was set back since it was read, so a deadline
    // is early rather than late.
    const offset = (await this.buckets.estimateTime(bucket)) - performance.now();
    return (givesUpAt) => Math.floor(givesUpAt + offset);
  }

  /**
   * True if a script rejected the request as late. Perhaps only the estimate of Redis's clock was
   * off (the process was suspended, Redis's clock was set): it is corrected, for another attempt.
   */
  private correctClock(bucket: number, reply: { status: string }): boolean {
    if (!isStale(reply)) return false;
    this.buckets.clockOf(bucket).set(reply.now);
    return true;
  }
}

interface CreateRequest extends NewSession {
  digest: string;
}

function toCreateArgs(session: CreateRequest, deadline: number): CreateArgs {
  return [
    session.digest,
    session.userId,
    deadline,
    formatExpiry(session.expiry),
    session.ip + SEPARATOR + session.userAgent,
    formatData(session.data),
  ];
}

/** The sign tells a lifetime from now from a moment. */
function formatExpiry({ kind, value }: RequestedExpiry): string {
  return kind === 'for' ? `+${value}` : String(value);
}

function isStale(reply: { status: string }): reply is Stale {
  return reply.status === 'STALE';
}
