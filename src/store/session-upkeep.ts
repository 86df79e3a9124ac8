import type { Buckets } from './buckets.js';
import { runDeclareLost, runDestroy, runRaiseNumber, runSweep } from './scripts.js';
import type { SessionAddress } from './session-id.js';

/** Sessions that one sweep script ends: bounds how long Redis is blocked (low milliseconds). */
const SWEEP_BATCH = 250;

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
