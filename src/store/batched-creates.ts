import { setImmediate } from 'node:timers/promises';

/** Sessions of one run: keeps Redis's pauses in the low milliseconds. */
const MAX_BATCH = 64;

/** A session that is to begin, as the script's arguments, and whom to tell. */
interface PendingCreate {
  session: string[];
  /** When it was made, by the process's monotonic clock, ms. */
  at: number;
  resolve(answer: string[]): void;
  reject(error: unknown): void;
}

/**
 * Group commit: while a run of the create script is under way for a bucket, further sessions of the
 * bucket gather, and begin together in its next run. So the more there is to do, the less each costs;
 * where little is going on, nothing waits.
 */
export class BatchedCreates {
  private readonly waiting = new Map<number, PendingCreate[]>();
  private readonly busy = new Set<number>();

  /**
   * @param timeout ms after which the caller has given a wish up: it isn't sent any more
   * @param send begins sessions of one bucket; answers for each of them, in their order
   */
  constructor(
    private readonly timeout: number,
    private readonly send: (bucket: number, sessions: string[][]) => Promise<string[][]>,
  ) {}

  add(bucket: number, session: string[]): Promise<string[]> {
    return new Promise((resolve, reject) => {
      const wish = { session, at: performance.now(), resolve, reject };
      const waiting = this.waiting.get(bucket);
      if (waiting) waiting.push(wish);
      else this.waiting.set(bucket, [wish]);
      if (!this.busy.has(bucket)) void this.work(bucket);
    });
  }

  private async work(bucket: number): Promise<void> {
    this.busy.add(bucket);
    await setImmediate(); // the input of this turn was read: several requests share the first run
    for (let wishes = this.take(bucket); wishes.length > 0; wishes = this.take(bucket)) {
      await this.flush(bucket, wishes);
    }
    this.busy.delete(bucket);
  }

  /** The next wishes, but for those that nobody waits for any more. */
  private take(bucket: number): PendingCreate[] {
    const earliest = performance.now() - this.timeout;
    const waiting = (this.waiting.get(bucket) ?? []).filter(({ at }) => at > earliest);
    const taken = waiting.splice(0, MAX_BATCH);
    if (waiting.length > 0) this.waiting.set(bucket, waiting);
    else this.waiting.delete(bucket);
    return taken;
  }

  private async flush(bucket: number, wishes: PendingCreate[]): Promise<void> {
    try {
      const answers = await this.send(
        bucket,
        wishes.map(({ session }) => session),
      );
      wishes.forEach(({ resolve }, i) => resolve(answers[i]!));
    } catch (error) {
      for (const { reject } of wishes) reject(error);
    }
  }
}
