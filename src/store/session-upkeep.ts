import type { Buckets } from './buckets.js';
import { runDeclareLost, runDestroy, runRaiseNumber, runSweep } from './scripts.js';
import { parseExpiryMember, type ExpiryMember, type SessionAddress } from './session-id.js';

/** Sessions that one sweep script ends: bounds how long Redis is blocked (low milliseconds). */
const SWEEP_BATCH = 250;
/** Members of the expiry index in one page of a scan. */
const SCAN_PAGE = 500;

/** Ends sessions for the ledger: expired ones, and those that a data loss left inconsistent. */
export class SessionUpkeep {
  constructor(private readonly buckets: Buckets) {}

  /** Ends all sessions that had expired when the call began, in every bucket. */
  async sweepAll(signal?: AbortSignal): Promise<void> {
    await this.buckets.forEach((bucket) => this.sweepBucket(bucket), signal);
  }

  /** Ends all of the bucket's sessions that had expired when the call began. */
  async sweepBucket(bucket: number): Promise<void> {
    let more = true;
    while (more) more = await this.sweep(bucket);
  }

  /** Ends a batch of the bucket's expired sessions; true if there are more. */
  async sweep(bucket: number): Promise<boolean> {
    const { redis } = this.buckets;
    const more = await runSweep(redis, this.buckets.keysOf(bucket), SWEEP_BATCH);
    this.buckets.emit(bucket);
    return more;
  }

  /**
   * Pages of a bucket's expiry index, by expiry. They contain every session that exists throughout the
   * scan, and one that is used meanwhile perhaps twice. ZSCAN would miss some if the slot moved: its
   * cursor means nothing to another node.
   */
  async *scan(bucket: number): AsyncGenerator<ExpiryMember[]> {
    let from = '-inf';
    let seen = new Set<string>(); // the members of the last page whose score is `from`
    for (;;) {
      const found = await this.pageOfIndex(bucket, from, SCAN_PAGE + seen.size);
      const members = found.map(([member]) => member).filter((member) => !seen.has(member));
      if (members.length > 0) yield members.map(parseExpiryMember);
      if (members.length < SCAN_PAGE) return;
      [, from] = found.at(-1)!;
      seen = new Set(found.flatMap(([member, score]) => (score === from ? [member] : [])));
    }
  }

  private async pageOfIndex(
    bucket: number,
    from: string,
    limit: number,
  ): Promise<[member: string, score: string][]> {
    const { expiryIndex, proof } = this.buckets.keysOf(bucket);
    const flat = await this.buckets.reads.reply<string[]>(
      (redis) =>
        redis.zrange(expiryIndex, from, '+inf', 'BYSCORE', 'LIMIT', 0, limit, 'WITHSCORES'),
      proof,
    );
    return flat.flatMap((member, i) => (i % 2 === 0 ? [[member, flat[i + 1]!]] : []));
  }

  /** Ends a session that is alive in Redis although it is over in SQL. */
  async endAgain({ bucket, digest }: SessionAddress): Promise<void> {
    const cause = { reason: 'resurrected', actor: '' };
    await runDestroy(this.buckets.redis, this.buckets.keysOf(bucket), digest, cause);
    this.buckets.emit(bucket);
  }

  /** Continues a bucket's outbox numbers behind the last one that Postgres has committed. */
  async raiseNumber(bucket: number, committed: number): Promise<void> {
    await runRaiseNumber(this.buckets.redis, this.buckets.keysOf(bucket), committed);
  }

  /** Records the end of a session that is open in SQL and that Redis has lost. */
  async declareLost(
    { bucket, digest }: SessionAddress,
    session: { createdAt: number; userId: string | null; expiresAt: number },
  ): Promise<void> {
    const { redis } = this.buckets;
    await runDeclareLost(redis, this.buckets.keysOf(bucket), { digest, ...session });
    this.buckets.emit(bucket);
  }
}
