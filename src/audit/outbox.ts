import type { RedisClient } from '../store/redis-client.js';
import { BoundedRedis } from '../store/redis-client.js';
import type { RedisKeys } from '../store/redis-keys.js';

/** A job may wait longer for Redis than a request. */
const TIMEOUT = 5_000;

/** An outbox entry: the ID that Redis gave it, then field, value, field, value… */
export type OutboxEntry = [id: string, fields: string[]];

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
    return this.redis.bounded(this.client.xlen(this.keysOf(bucket).outbox));
  }

  /** The oldest entries. Always from the head: after a failover, IDs can be lower than before. */
  async head(bucket: number, count: number): Promise<OutboxEntry[]> {
    const { outbox } = this.keysOf(bucket);
    return this.redis.bounded(this.client.xrange(outbox, '-', '+', 'COUNT', count));
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
    return oldest ? Math.max(0, now - Number(oldest[0].split('-')[0])) : null;
  }

  /** An entry's bytes as they are: what was no UTF-8 would be lost in a string. */
  async rawEntry(bucket: number, id: string): Promise<Buffer> {
    const { outbox } = this.keysOf(bucket);
    const [entry] = await this.redis.bounded(this.client.xrangeBuffer(outbox, id, id));
    return Buffer.concat((entry?.[1] ?? []).flatMap((part) => [part, Buffer.from('\n')]));
  }

  /** Removes the entries, once they are committed. They are the stream's head, so one cut does it. */
  async remove(bucket: number, entries: OutboxEntry[]): Promise<void> {
    const last = entries.at(-1);
    if (!last) return;
    const [ms, counter] = last[0].split('-');
    const next = `${ms}-${BigInt(counter!) + 1n}`;
    await this.redis.bounded(this.client.xtrim(this.keysOf(bucket).outbox, 'MINID', next));
  }
}
