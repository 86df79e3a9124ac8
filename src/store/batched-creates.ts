import { setImmediate } from 'node:timers/promises';

/** Sessions of one run: keeps Redis's pauses in the low milliseconds. */
const MAX_BATCH = 64;

/** A session waiting to be created. */
export interface RequestedCreate<TSession> {
  session: TSession;
  /** When its caller gives up, by the process's monotonic clock (ms). */
  givesUpAt: number;
}

interface PendingCreate<TSession, TReply> extends RequestedCreate<TSession> {
  resolve(reply: TReply): void;
  reject(error: unknown): void;
}

/**
 * Group commit: while a run of the create script is in flight for a bucket, further sessions of
 * that bucket queue up and share the next run. The higher the load, the less each session costs;
 * at low load nothing waits.
 */
export class BatchedCreates<TSession, TReply> {
  private readonly pending = new Map<number, PendingCreate<TSession, TReply>[]>();
  private readonly busy = new Set<number>();

  /**
   * @param timeout how long a caller waits (ms); a session whose caller gave up isn't sent
   * @param send creates sessions of one bucket; replies in their order
   */
  constructor(
    private readonly timeout: number,
    private readonly send: (
      bucket: number,
      creates: RequestedCreate<TSession>[],
    ) => Promise<TReply[]>,
  ) {}

  add(bucket: number, session: TSession): Promise<TReply> {
    return new Promise((resolve, reject) => {
      const create = { session, givesUpAt: performance.now() + this.timeout, resolve, reject };
      const pending = this.pending.get(bucket);
      if (pending) pending.push(create);
      else this.pending.set(bucket, [create]);
      if (!this.busy.has(bucket)) void this.work(bucket);
    });
  }

  private async work(bucket: number): Promise<void> {
    this.busy.add(bucket);
    await setImmediate(); // this turn's input is read first, so several requests share the first run
    for (let batch = this.take(bucket); batch.length > 0; batch = this.take(bucket)) {
      await this.flush(bucket, batch);
    }
    this.busy.delete(bucket);
  }

  /** The next batch, without those whose callers have given up. */
  private take(bucket: number): PendingCreate<TSession, TReply>[] {
    const now = performance.now();
    const pending = (this.pending.get(bucket) ?? []).filter(({ givesUpAt }) => givesUpAt > now);
    const batch = pending.splice(0, MAX_BATCH);
    if (pending.length > 0) this.pending.set(bucket, pending);
    else this.pending.delete(bucket);
    return batch;
  }

  private async flush(bucket: number, batch: PendingCreate<TSession, TReply>[]): Promise<void> {
    try {
      const replies = await this.send(bucket, batch);
      batch.forEach(({ resolve }, i) => resolve(replies[i]!));
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
  }
}
