/**
 * The Redis keys of one bucket `b`. All carry the hash tag `{b}`, so they share a slot of a
 * Redis Cluster and a script may touch any of them.
 *
 * | key | type | holds |
 * |---|---|---|
 * | `sess:{b}:s:<digest>` | string, expiring at the session's end | the session's record, see `session-record.ts` |
 * | `sess:{b}:u:<userId>` | ZSET, gone with its last member | digest → end: the per-user set |
 * | `sess:{b}:x` | ZSET | `digest:created:userId` → end: the expiry index (`created` in hex) |
 * | `sess:{b}:o` | stream | the outbox: events that Postgres has not yet committed |
 * | `sess:{b}:r:<digest>` | string, for 10 s | the receipt of a session that ended young, see `lua/include/receipt.lua` |
 * | `sess:{b}:l:<digest>` | string, for a minute | marks a session that was declared lost |
 *
 * Beside the buckets there is `sess:meta`, a hash: the number of buckets and the layout's version.
 *
 * The hash tag is the *first* `{…}` of a key, so braces in a user ID can't move a key to another
 * slot; nor can a `:`, since the user ID comes last.
 */
export class RedisKeys {
  /** Starts every key of the bucket; scripts make further keys from it. */
  readonly base: string;
  readonly expiryIndex: string;
  readonly outbox: string;

  constructor(prefix: string, bucket: number) {
    this.base = `${prefix}:{${bucket}}:`;
    this.expiryIndex = `${this.base}x`;
    this.outbox = `${this.base}o`;
  }

  session(digest: string): string {
    return `${this.base}s:${digest}`;
  }

  userSet(userId: string): string {
    return `${this.base}u:${userId}`;
  }
}

/** The hash that says how this prefix is laid out. */
export function metaKey(prefix: string): string {
  return `${prefix}:meta`;
}
