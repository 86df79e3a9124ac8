import type { ChainableCommander } from 'ioredis';

import { BoundedRedis } from '../../store/bounded-redis.js';
import type { Buckets } from '../../store/buckets.js';
import { MasterReads } from '../../store/master-reads.js';

/** A job may wait longer for Redis than a request (ms). */
const TIMEOUT = 5_000;
const LINE_END = Buffer.from('\n');

/** An outbox entry. */
export interface OutboxEntry {
  /** Its ID in the Redis stream. */
  id: string;
  /** Field and value, one per line. Bytes, because a string would lose invalid UTF-8. */
  raw: Buffer;
}

/**
 * Reads the outboxes and deletes what is committed. The stream is the source of truth: an entry
 * stays in it until its record is committed in Postgres.
 */
export class Outbox {
  private readonly redis: BoundedRedis;
  private readonly reads: MasterReads;

  constructor(readonly buckets: Buckets) {
    this.redis = new BoundedRedis(buckets.client, TIMEOUT);
    this.reads = new MasterReads(this.redis);
  }

  async length(bucket: number): Promise<number> {
    return Number(await this.read<number>(bucket, (redis, key) => redis.xlen(key)));
  }

  /**
   * The oldest entries. Reads from the start and not from a remembered ID: after a failover, new
   * entries can have lower IDs than earlier ones had.
   */
  async head(bucket: number, count: number): Promise<OutboxEntry[]> {
    const entries = await this.read<[Buffer, Buffer[]][]>(bucket, (redis, key) =>
      redis.xrangeBuffer(key, '-', '+', 'COUNT', count),
    );
    return entries.map(([id, fields]) => ({
      id: id.toString(),
      raw: Buffer.concat(fields.flatMap((part) => [part, LINE_END])),
    }));
  }

  /**
   * How many events the bucket has had; 0 if Redis has lost the number. A replica that lags has a lower
   * number, as after a rollback, so it must be read from a master.
   */
  async lastNumber(bucket: number): Promise<number> {
    const { outboxNumber } = this.buckets.keysOf(bucket);
    return Number((await this.reads.get(outboxNumber)) ?? 0);
  }

  /** The ID of the newest entry; null if the outbox is empty. */
  async lastId(bucket: number): Promise<string | null> {
    const [last] = await this.read<[string, string[]][]>(bucket, (redis, key) =>
      redis.xrevrange(key, '+', '-', 'COUNT', 1),
    );
    return last?.[0] ?? null;
  }

  /** Whether any entry has this ID or a lower one. */
  async hasUpTo(bucket: number, id: string): Promise<boolean> {
    const entries = await this.read<[string, string[]][]>(bucket, (redis, key) =>
      redis.xrange(key, '-', id, 'COUNT', 1),
    );
    return entries.length > 0;
  }

  /** Age of the oldest entry by Redis's clock (ms); null if the outbox is empty. */
  async oldestAge(bucket: number, now: number): Promise<number | null> {
    const [oldest] = await this.head(bucket, 1);
    return oldest ? Math.max(0, now - Number(oldest.id.split('-')[0])) : null;
  }

  /**
   * Deletes committed entries one by one. Trimming the stream up to the last ID could delete newer
   * entries as well: after a failover to a server whose clock is behind, their IDs are lower.
   */
  async remove(bucket: number, entries: OutboxEntry[]): Promise<void> {
    if (entries.length === 0) return;
    const ids = entries.map((entry) => entry.id);
    const { outbox } = this.buckets.keysOf(bucket);
    await this.redis.bounded(this.redis.client.xdel(outbox, ...ids));
  }

  /** Reads a bucket's stream, from a master for certain: see `MasterReads`. */
  private read<T>(
    bucket: number,
    command: (redis: ChainableCommander, key: string) => unknown,
  ): Promise<T> {
    const { outbox, proof } = this.buckets.keysOf(bucket);
    return this.reads.reply<T>((redis) => command(redis, outbox), proof);
  }
}
