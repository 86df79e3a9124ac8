/** How long an estimate is trusted before the clock is read again, ms. */
const REREAD_AFTER = 10_000;

/**
 * Redis's clock, as this process best knows it: read once, then carried on by the process's
 * monotonic clock. The wall clock of the application is never asked, so it may be wrong.
 *
 * Nothing is decided by the estimate alone: a script that gets a deadline judges it by Redis's
 * own time, and answers with that time where the estimate was off.
 */
export class RedisClock {
  private offset: number | undefined;
  private readAt = -Infinity;
  private reading: Promise<void> | undefined;

  /** @param readTime asks Redis for its time, ms */
  constructor(private readonly readTime: () => Promise<number>) {}

  /** The estimate, ms since 1970; undefined until the clock was read for the first time. */
  estimate(): number | undefined {
    if (this.offset === undefined) return undefined;
    const elapsed = performance.now();
    if (elapsed - this.readAt > REREAD_AFTER) this.reread().catch(() => undefined);
    return this.offset + elapsed;
  }

  /** The estimate. Waits for Redis only at the first call. */
  async now(): Promise<number> {
    if (this.offset === undefined) await this.reread();
    return this.estimate()!;
  }

  /** Takes the time that a script answered with. */
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
