/**
 * The Redis keys of one bucket `b`. All of them contain the hash tag `{b}`, so they share a slot of
 * a Redis Cluster and a script may use any of them.
 *
 * | key | type | holds |
 * |---|---|---|
 * | `nsl:{b}:s:<digest>` | string that expires when the session does | the session's record, see `session-record.ts` |
 * | `nsl:{b}:u:<userId>` | ZSET, deleted with its last member | digest → idle expiry: the per-user set |
 * | `nsl:{b}:x` | ZSET | `digest:created:userId` → idle expiry: the expiry index (`created` in hex) |
 * | `nsl:{b}:o` | stream | the outbox: events that Postgres has not committed yet |
 * | `nsl:{b}:n` | integer | the outbox number: how many events the bucket has had |
 * | `nsl:{b}:r:<digest>` | string, for 10 s | the receipt of a session that ended soon after its creation, see `lua/include/receipt.lua` |
 * | `nsl:{b}:p` | never written | asked for in proof that the server is a master, see `master-reads.ts`, and that the slot isn't moving, see `lua/include/bucket.lua` |
 * | `nsl:{b}:l:<digest>` | string, for a minute | marks a session that was declared lost |
 *
 * One key is outside the buckets: `nsl:meta`, a hash with the number of buckets, the layout's
 * version and, once this Redis is bound to a ledger, `ledger`, `keyspace` and `schema`.
 *
 * The hash tag is the *first* `{…}` of a key, so braces in a user ID can't move a key to another
 * slot. A `:` in it can't be mistaken for a separator, because the user ID comes last.
 */
export class RedisKeys {
  /** The start of every key of the bucket; scripts build further keys from it. */
  readonly base: string;
  readonly expiryIndex: string;
  readonly outbox: string;
  readonly proof: string;
  readonly outboxNumber: string;

  constructor(prefix: string, bucket: number) {
    this.base = `${prefix}:{${bucket}}:`;
    this.expiryIndex = `${this.base}x`;
    this.outbox = `${this.base}o`;
    this.proof = `${this.base}p`;
    this.outboxNumber = `${this.base}n`;
  }

  /** The keys that a script declares if it appends events, and further ones that it uses. */
  appending(...more: string[]): string[] {
    return [this.expiryIndex, this.outbox, this.outboxNumber, ...more];
  }

  session(digest: string): string {
    return `${this.base}s:${digest}`;
  }

  userSet(userId: string): string {
    return `${this.base}u:${userId}`;
  }
}

/** The hash that holds the layout of this prefix. */
export function metaKey(prefix: string): string {
  return `${prefix}:meta`;
}

/** A glob for SCAN: the records and the users' sets of all buckets. */
export function keyPattern(prefix: string): string {
  return `${escapeGlob(prefix)}:{*}:[su]:*`;
}

/** A glob that matches this text only. */
export function escapeGlob(text: string): string {
  return text.replaceAll(/[*?[\]\\^]/g, '\\$&');
}

/** What a key that matches the pattern is: a session's record or a user's set. */
export function parseKey(
  prefix: string,
  key: string,
): { bucket: number; kind: 's' | 'u'; name: string } | null {
  const parts = /^:\{(\d{1,3})\}:([su]):(.+)$/s.exec(key.slice(prefix.length));
  if (!parts) return null;
  return { bucket: Number(parts[1]), kind: parts[2] as 's' | 'u', name: parts[3]! };
}
