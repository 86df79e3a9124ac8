/** How long an estimate is used before the clock is read again (ms). */
const REREAD_AFTER = 10_000;

/**
 * An estimate of Redis's clock: read from Redis now and then, and advanced by the process's
 * monotonic clock. The wall clock of the application is never used, so it may be wrong.
 *
 * Nothing is decided by the estimate alone: a script that gets a deadline compares it with Redis's
 * own time, and replies with that time if the estimate was off.
 */
export class RedisClock {
  private offset: number | undefined;
  private readAt = -Infinity;
  private reading: Promise<void> | undefined;

  /** @param readTime asks Redis for its time (ms since 1970) */
  constructor(private readonly readTime: () => Promise<number>) {}

  /** The estimate (ms since 1970); undefined until the clock has been read once. */
  estimate(): number | undefined {
    if (this.offset === undefined) return undefined;
    const elapsed = performance.now();
    if (elapsed - this.readAt > REREAD_AFTER) this.reread().catch(() => undefined);
    return this.offset + elapsed;
  }

  /** The estimate (ms since 1970). Only the first call waits for Redis. */
  async now(): Promise<number> {
    if (this.offset === undefined) await this.reread();
    return this.estimate()!;
  }

  /** Adopts the time that a script replied with. */
  set(redisNow: number): void {
    this.readAt = performance.now();
    this.offset = redisNow - this.readAt;
  }

  private reread(): Promise<void> {
    this.reading ??= this.readTime()
      .then((time) => this.set(time))
      .finally(() => (this.reading = undefined));
    return this.reading;
  }
}
