import { SessionError } from '../errors.js';
import { BatchedCreates } from './batched-creates.js';
import { BatchedReads } from './batched-reads.js';
import { BoundedRedis, type RedisClient } from './bounded-redis.js';
import { RedisClock } from './redis-clock.js';
import { RedisKeys } from './redis-keys.js';
import { scripts, type Script } from './scripts.js';
import {
  formatData,
  formatPatch,
  parseRecord,
  SEPARATOR,
  type JsonObject,
  type JsonValue,
  type SessionRecord,
} from './session-record.js';

/** ms that a request may be under way; half the scripts' REPLAY_WINDOW, as the clock is an estimate. */
export const MAX_REDIS_TIMEOUT = 5_000;
/** Sessions that one run of a script ends: keeps Redis's pauses in the low milliseconds. */
const CHUNK = 250;

/** Where a session lives: its bucket, and its name within. */
export interface SessionAddress {
  bucket: number;
  digest: string;
}

/** How to refuse or make room for a session beyond `maxSessionsPerUser`. */
export type Overflow = 'evict-oldest' | 'reject';

/** The rules that hold in Redis, within the scripts. Times in ms; 0 switches a rule off. */
export interface StoreRules {
  maxLifetime: number;
  idleTimeout: number;
  maxSessionsPerUser: number;
  overflow: Overflow;
  backlogLimit: number;
}

export interface StoreSettings {
  client: RedisClient;
  prefix: string;
  buckets: number;
  timeout: number;
  rules: StoreRules;
}

/** The hard end, as a lifetime from now or as a moment, in ms. */
export type RequestedExpiry = { kind: 'for' | 'until'; value: number };

export interface NewSession {
  userId: string;
  expiry: RequestedExpiry;
  ip: string;
  userAgent: string;
  data: JsonObject;
}

/** Why a session ends, and who ended it: `''` for the user or the system itself. */
export interface EndCause {
  reason: string;
  actor: string;
}

/** What create and rotate answer: the session as it began. Times in ms. */
export interface CreatedSession {
  userId: string;
  createdAt: number;
  signedInAt: number;
  expiresAt: number;
  idleExpiresAt: number;
}

/** Live sessions in Redis. Every change is one script; a read is one plain command. */
export class SessionStore {
  readonly buckets: number;
  readonly redis: BoundedRedis;
  private readonly reads: BatchedReads;
  private readonly creates: BatchedCreates;
  private readonly keys: RedisKeys[];
  private readonly clocks: RedisClock[];
  private readonly eventListeners = new Set<(bucket: number) => void>();

  constructor(private readonly settings: StoreSettings) {
    this.buckets = settings.buckets;
    this.redis = new BoundedRedis(settings.client, settings.timeout);
    this.reads = new BatchedReads(this.redis);
    this.creates = new BatchedCreates(settings.timeout, (bucket, sessions) =>
      this.createTogether(bucket, sessions),
    );
    this.keys = Array.from(
      { length: settings.buckets },
      (_, bucket) => new RedisKeys(settings.prefix, bucket),
    );
    this.clocks = this.keys.map((_, bucket) => new RedisClock(() => this.readTime(bucket)));
  }

  /** The bucket's keys. */
  keysOf(bucket: number): RedisKeys {
    return this.keys[bucket]!;
  }

  /** The clock that judges the bucket's sessions: in a Cluster, that of the bucket's own node. */
  clockOf(bucket: number): RedisClock {
    return this.clocks[bucket]!;
  }

  /** Calls the listener after each change that may have left an event in a bucket's outbox. */
  onEvent(listener: (bucket: number) => void): () => void {
    this.eventListeners.add(listener);
    return () => this.eventListeners.delete(listener);
  }

  async create(at: SessionAddress, session: NewSession): Promise<CreatedSession> {
    // Bounded as a valid: it may wait for the bucket's run before its own.
    const answer = await this.redis.bounded(
      this.creates.add(at.bucket, [
        at.digest,
        session.userId,
        formatExpiry(session.expiry),
        session.ip + SEPARATOR + session.userAgent,
        formatData(session.data),
      ]),
    );
    if (answer[0] === 'AGAIN') return this.create(at, session);
    if (answer[0] !== 'OK') throw this.rejection(answer, session);
    return begun(answer);
  }

  /** The session's record, or null where there is none (any more). */
  async read(at: SessionAddress): Promise<SessionRecord | null> {
    const record = await this.reads.get(this.keysOf(at.bucket).session(at.digest));
    return record === null ? null : parseRecord(record);
  }

  /** Slides the end by the idle timeout; null for a session that is over. */
  async touch(at: SessionAddress): Promise<{ lastUsedAt: number; ends: number } | null> {
    const keys = this.keysOf(at.bucket);
    const reply = await this.redis.run(
      scripts.touch,
      [keys.expiryIndex, keys.outbox, keys.session(at.digest)],
      [keys.base, at.digest, this.settings.rules.idleTimeout],
    );
    const [result, lastUsedAt, ends] = fieldsOf(reply);
    return result === 'OK' ? { lastUsedAt: Number(lastUsedAt), ends: Number(ends) } : null;
  }

  async destroy(at: SessionAddress, cause: EndCause): Promise<void> {
    const keys = this.keysOf(at.bucket);
    await this.redis.run(
      scripts.destroy,
      [keys.expiryIndex, keys.outbox, keys.session(at.digest)],
      [keys.base, at.digest, cause.reason, cause.actor],
    );
    this.emit(at.bucket);
  }

  /** Ends all sessions that the user had when the call began, but for `spared`. */
  async destroyAll(
    bucket: number,
    userId: string,
    spared: string | null,
    cause: EndCause,
  ): Promise<void> {
    const keys = this.keysOf(bucket);
    // The cutoff is Redis's own time, read before the first chunk.
    const cutoff = await this.readTime(bucket);
    let more = true;
    while (more) {
      const reply = await this.redis.run(
        scripts.destroyAll,
        [keys.expiryIndex, keys.outbox, keys.userSet(userId)],
        [keys.base, cutoff, spared ?? '', CHUNK, cause.reason, cause.actor],
      );
      this.emit(bucket);
      more = Number(reply) === 1; // text, where the client has ioredis's `stringNumbers`
    }
  }

  /** Moves a session to a new address in the same bucket; null for a session that is over. */
  async rotate(from: SessionAddress, newDigest: string): Promise<CreatedSession | null> {
    const keys = this.keysOf(from.bucket);
    const [answer] = await this.withDeadline(from.bucket, scripts.rotate, (deadline) => [
      [keys.expiryIndex, keys.outbox, keys.session(from.digest), keys.session(newDigest)],
      [keys.base, from.digest, newDigest, this.settings.rules.idleTimeout, deadline],
    ]);
    this.emit(from.bucket);
    return answer![0] === 'OK' ? begun(answer!) : null;
  }

  /** Merges a patch into the data; false for a session that is over. */
  async updateData(
    at: SessionAddress,
    patch: { [name: string]: JsonValue | undefined },
    limit: number,
  ): Promise<boolean> {
    const keys = this.keysOf(at.bucket);
    const [answer] = await this.withDeadline(at.bucket, scripts.updateData, (deadline) => [
      [keys.expiryIndex, keys.outbox, keys.session(at.digest)],
      [keys.base, at.digest, limit, deadline, ...formatPatch(patch)],
    ]);
    if (answer![0] === 'TOO_LARGE') throw dataTooLarge(Number(answer![1]), limit);
    return answer![0] === 'OK';
  }

  /** A user's live sessions, by digest. */
  async list(bucket: number, userId: string): Promise<{ digest: string; record: SessionRecord }[]> {
    const keys = this.keysOf(bucket);
    const digests = await this.redis.bounded(
      this.settings.client.zrange(keys.userSet(userId), 0, -1),
    );
    const found: { digest: string; record: SessionRecord }[] = [];
    for (let from = 0; from < digests.length; from += CHUNK) {
      const chunk = digests.slice(from, from + CHUNK);
      const records = await this.redis.bounded(
        this.settings.client.mget(chunk.map((digest) => keys.session(digest))),
      );
      records.forEach((record, i) => {
        // A member without a record is a session that is over and not yet swept.
        if (record !== null) found.push({ digest: chunk[i]!, record: parseRecord(record) });
      });
    }
    return found;
  }

  /** Ends a batch of the sessions whose time has come; true where more are due. */
  async sweep(bucket: number): Promise<boolean> {
    const keys = this.keysOf(bucket);
    const reply = await this.redis.run(
      scripts.sweep,
      [keys.expiryIndex, keys.outbox],
      [keys.base, CHUNK],
    );
    this.emit(bucket);
    return Number(reply) === 1;
  }

  /** Which of these sessions have a record. */
  async areAlive(bucket: number, digests: string[]): Promise<boolean[]> {
    const keys = this.keysOf(bucket);
    const counts = digests.map((digest) => this.settings.client.exists(keys.session(digest)));
    return (await this.redis.bounded(Promise.all(counts))).map((count) => Number(count) === 1);
  }

  /** Writes the end of a session that SQL knows as open and Redis has lost. */
  async declareLost(
    at: SessionAddress,
    session: { createdAt: number; userId: string | null; expiresAt: number },
  ): Promise<void> {
    const keys = this.keysOf(at.bucket);
    await this.redis.run(
      scripts.declareLost,
      [keys.expiryIndex, keys.outbox, keys.session(at.digest)],
      [keys.base, at.digest, session.createdAt, session.userId ?? '', session.expiresAt],
    );
    this.emit(at.bucket);
  }

  /** Redis's time, ms: on a Cluster, that of the bucket's node. */
  async readTime(bucket: number): Promise<number> {
    return Number(await this.redis.run(scripts.time, [this.keysOf(bucket).outbox], []));
  }

  /** Begins sessions of one bucket in one run of the script. */
  private async createTogether(bucket: number, sessions: string[][]): Promise<string[][]> {
    const { rules } = this.settings;
    const keys = this.keysOf(bucket);
    const answers = await this.withDeadline(bucket, scripts.create, (deadline) => [
      [keys.expiryIndex, keys.outbox],
      [
        keys.base,
        rules.maxLifetime,
        rules.idleTimeout,
        deadline,
        rules.maxSessionsPerUser,
        rules.overflow,
        rules.backlogLimit,
        ...sessions.flat(),
      ],
    ]);
    this.emit(bucket);
    return answers;
  }

  /**
   * Runs a script that refuses to come late; its answers, by field. Where only the estimate of
   * Redis's clock was off (the process was suspended, Redis's clock was set), it asks once more
   * by the right time.
   */
  private async withDeadline(
    bucket: number,
    script: Script,
    request: (deadline: number) => [keys: string[], args: (string | number)[]],
  ): Promise<string[][]> {
    const clock = this.clockOf(bucket);
    const attempt = async () => {
      const now = clock.estimate() ?? (await this.redis.bounded(clock.now()));
      const reply = await this.redis.run(script, ...request(Math.ceil(now) + MAX_REDIS_TIMEOUT));
      return [reply].flat().map(fieldsOf);
    };
    const staleAmong = (answers: string[][]) => answers.find(([result]) => result === 'STALE');
    let answers = await attempt();
    const stale = staleAmong(answers);
    if (stale) {
      clock.set(Number(stale[1]));
      answers = await attempt();
    }
    if (staleAmong(answers)) {
      throw new SessionError(
        'ERR_SESSION_REDIS_UNAVAILABLE',
        `Redis ran the ${script.name} script too late, twice. Check the load of this process and of Redis.`,
      );
    }
    return answers;
  }

  private emit(bucket: number): void {
    for (const listener of this.eventListeners) listener(bucket);
  }

  private rejection(answer: string[], session: NewSession): SessionError {
    const { maxLifetime, backlogLimit, maxSessionsPerUser } = this.settings.rules;
    const until = () => describeMoment(session.expiry.value);
    switch (answer[0]) {
      case 'PAST':
        return new SessionError(
          'ERR_SESSION_EXPIRES',
          `\`expires\` is in the past: ${until()}, and Redis's clock says ${describeMoment(Number(answer[1]))}.`,
        );
      case 'TOO_LONG':
        return new SessionError(
          'ERR_SESSION_EXPIRES',
          `\`expires\` is further away than \`maxLifetime\` (${maxLifetime} ms) allows: ` +
            `${session.expiry.kind === 'until' ? until() : `${session.expiry.value} ms`}.`,
        );
      case 'BACKLOG':
        return new SessionError(
          'ERR_SESSION_BACKLOG',
          `${answer[1]} audit events wait for Postgres, and \`audit.backlogLimit\` is ${backlogLimit}: ` +
            'no session can begin until they are recorded. Check Postgres and the audit workers.',
        );
      case 'LIMIT':
        return new SessionError(
          'ERR_SESSION_LIMIT',
          `The user has ${answer[1]} sessions, and \`maxSessionsPerUser\` is ${maxSessionsPerUser}. ` +
            'End one of them first.',
        );
      default:
        return new SessionError(
          'ERR_SESSION_REDIS_REFUSED',
          `Redis refused a command: ${answer[1] ?? answer[0]}`,
        );
    }
  }
}

export function dataTooLarge(bytes: number, limit: number): SessionError {
  return new SessionError(
    'ERR_SESSION_DATA_TOO_LARGE',
    `The session's data would be ${bytes} bytes as JSON; the limit is ${limit}. ` +
      'Keep what is large elsewhere, and its key in the session.',
  );
}

function begun([, userId, createdAt, signedInAt, expiresAt, ends]: string[]): CreatedSession {
  return {
    userId: userId!,
    createdAt: Number(createdAt),
    signedInAt: Number(signedInAt),
    expiresAt: Number(expiresAt),
    idleExpiresAt: Number(ends),
  };
}

function fieldsOf(answer: unknown): string[] {
  return String(answer).split(SEPARATOR);
}

/** A lifetime from now is told from a moment by its sign. */
function formatExpiry({ kind, value }: RequestedExpiry): string {
  return kind === 'for' ? `+${value}` : String(value);
}

/** A date that can't be shown must not turn a refusal into a RangeError. */
function describeMoment(ms: number): string {
  const date = new Date(ms);
  return Number.isNaN(date.getTime()) ? `${ms} ms` : date.toISOString();
}
