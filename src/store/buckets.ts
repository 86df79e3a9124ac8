import { SessionError } from '../errors.js';
import { BoundedRedis, type RedisClient } from './bounded-redis.js';
import type { Handover } from './handover.js';
import { MasterReads } from './master-reads.js';
import { RedisClock } from './redis-clock.js';
import { RedisKeys } from './redis-keys.js';
import { runTime } from './scripts.js';

/** Which part of Redis belongs to a module, and how long a call may wait for it. */
export interface BucketsSettings {
  client: RedisClient;
  /** Holds calls back while Sentinel replaces the master. */
  handover?: Handover;
  /** Starts every key. */
  prefix: string;
  /** How many buckets the users are spread over: fixed once sessions exist. */
  count: number;
  /** How long a call waits for Redis (ms). */
  timeout: number;
}

/**
 * The module's part of Redis: its buckets with their keys and clocks, and a bounded connection.
 * It knows no rules, so it is all that the audit trail and the command line need.
 */
export class Buckets {
  readonly prefix: string;
  readonly count: number;
  readonly redis: BoundedRedis;
  readonly reads: MasterReads;
  private readonly keys: RedisKeys[];
  private readonly clocks: RedisClock[];
  private readonly listeners = new Set<(bucket: number) => void>();

  constructor({ client, handover, prefix, count, timeout }: BucketsSettings) {
    this.prefix = prefix;
    this.count = count;
    this.redis = new BoundedRedis(client, timeout, handover);
    this.reads = new MasterReads(this.redis);
    this.keys = this.numbers().map((bucket) => new RedisKeys(prefix, bucket));
    this.clocks = this.keys.map((_, bucket) => new RedisClock(() => this.readTime(bucket)));
  }

  get client(): RedisClient {
    return this.redis.client;
  }

  /** The buckets' numbers: 0, 1, 2… */
  numbers(): number[] {
    return Array.from({ length: this.count }, (_, bucket) => bucket);
  }

  /**
   * Does some work for one bucket after the other. A bucket that fails (its node is down, a key has
   * the wrong type) does not keep the others waiting: its error is thrown at the end. An error that
   * concerns all of them is thrown at once.
   *
   * @param signal stops before the next bucket
   */
  async forEach(work: (bucket: number) => Promise<void>, signal?: AbortSignal): Promise<void> {
    const errors: unknown[] = [];
    for (const bucket of this.numbers()) {
      if (signal?.aborted) break;
      try {
        await work(bucket);
      } catch (error) {
        if (this.concernsAll(error)) throw error;
        errors.push(error);
      }
    }
    if (errors.length > 0) throw errors[0];
  }

  /**
   * Whether each bucket would wait in vain: Postgres or a single Redis is down, or this is not the
   * ledger's Redis.
   */
  concernsAll(error: unknown): boolean {
    if (!(error instanceof SessionError)) return false;
    if (/^ERR_SESSION_(DATABASE|LEDGER_HELD|LEDGER_MISMATCH)/.test(error.code)) return true;
    return error.code === 'ERR_SESSION_REDIS_UNAVAILABLE' && !('nodes' in this.client);
  }

  keysOf(bucket: number): RedisKeys {
    return this.keys[bucket]!;
  }

  /** The clock that decides when the bucket's sessions expire: on a Cluster, that of its node. */
  clockOf(bucket: number): RedisClock {
    return this.clocks[bucket]!;
  }

  /** Asks Redis, or on a Cluster the bucket's node, for its time (ms since 1970). */
  async readTime(bucket: number): Promise<number> {
    return runTime(this.redis, this.keysOf(bucket));
  }

  /** The bucket's time as far as this process knows it; asks Redis only the first time. */
  async estimateTime(bucket: number): Promise<number> {
    const clock = this.clockOf(bucket);
    return clock.estimate() ?? this.redis.bounded(clock.now());
  }

  /** Which of these sessions have a record. */
  async areAlive(bucket: number, digests: string[]): Promise<boolean[]> {
    const keys = this.keysOf(bucket);
    return this.reads.exist(
      digests.map((digest) => keys.session(digest)),
      keys.proof,
    );
  }

  /** The records of these sessions; null for one that has none. */
  async readRecords(bucket: number, digests: string[]): Promise<(string | null)[]> {
    const keys = digests.map((digest) => this.keysOf(bucket).session(digest));
    return this.reads.getAll(keys);
  }

  /** Calls the listener after each change that may have added an event to a bucket's outbox. */
  onEvent(listener: (bucket: number) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Tells the listeners that a bucket may have a new event. */
  emit(bucket: number): void {
    for (const listener of this.listeners) listener(bucket);
  }
}
