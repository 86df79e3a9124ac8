import type { RedisClient } from '../../store/bounded-redis.js';
import { BoundedRedis } from '../../store/bounded-redis.js';
import type { RedisKeys } from '../../store/redis-keys.js';

/** A job may wait longer for Redis than a request. */
const TIMEOUT = 5_000;
const LINE_END = Buffer.from('\n');

/** An outbox entry. */
export interface OutboxEntry {
  /** The ID that Redis gave it. */
  id: string;
  /** Its bytes: field and value, a line each. What is no UTF-8 would be lost in a string. */
  raw: Buffer;
}

/** The outboxes' other end. The stream is the truth: an entry leaves it only once it is committed. */
export class Outbox {
  private readonly redis: BoundedRedis;

  constructor(
    private readonly client: RedisClient,
    private readonly keysOf: (bucket: number) => RedisKeys,
  ) {
    this.redis = new BoundedRedis(client, TIMEOUT);
  }

  async length(bucket: number): Promise<number> {
    return Number(await this.redis.bounded(this.client.xlen(this.keysOf(bucket).outbox)));
  }

  /** The oldest entries. Always from the head: after a failover, IDs can be lower than before. */
  async head(bucket: number, count: number): Promise<OutboxEntry[]> {
    const { outbox } = this.keysOf(bucket);
    const entries = await this.redis.bounded(
      this.client.xrangeBuffer(outbox, '-', '+', 'COUNT', count),
    );
    return entries.map(([id, fields]) => ({
      id: id.toString(),
      raw: Buffer.concat(fields.flatMap((part) => [part, LINE_END])),
    }));
  }

  /** The ID of the newest entry, or null where there is none. */
  async lastId(bucket: number): Promise<string | null> {
    const { outbox } = this.keysOf(bucket);
    const [last] = await this.redis.bounded(this.client.xrevrange(outbox, '+', '-', 'COUNT', 1));
    return last?.[0] ?? null;
  }

  /** Whether there are entries up to this ID. */
  async hasUpTo(bucket: number, id: string): Promise<boolean> {
    const { outbox } = this.keysOf(bucket);
    const entries = await this.redis.bounded(this.client.xrange(outbox, '-', id, 'COUNT', 1));
    return entries.length > 0;
  }

  /** Age of the oldest entry by Redis's clock, ms; null where there is none. */
  async oldestAge(bucket: number, now: number): Promise<number | null> {
    const [oldest] = await this.head(bucket, 1);
    return oldest ? Math.max(0, now - Number(oldest.id.split('-')[0])) : null;
  }

  /**
   * Removes the entries, once they are committed. One by one: a cut at the last ID could, after a
   * failover to a server whose clock is behind, take newer entries along.
   */
  async remove(bucket: number, entries: OutboxEntry[]): Promise<void> {
    if (entries.length === 0) return;
    const ids = entries.map((entry) => entry.id);
    await this.redis.bounded(this.client.xdel(this.keysOf(bucket).outbox, ...ids));
  }
}
