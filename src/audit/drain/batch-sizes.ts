import { isTimeout } from '../postgres/errors.js';

/** Events in a transaction: it takes tens of milliseconds, so its round trips hardly matter. */
export const BATCH = 1_000;

/**
 * How many events of a bucket to record at once. If a batch takes Postgres too long, the next one is a
 * quarter of its size: the same size might time out for ever. Each batch that succeeds doubles it again.
 */
export class BatchSizes {
  private readonly reduced = new Map<number, number>();

  /** Runs `work` with the bucket's size. */
  async adapt<T>(bucket: number, work: (size: number) => Promise<T>): Promise<T> {
    const size = this.reduced.get(bucket) ?? BATCH;
    try {
      const result = await work(size);
      this.reduced.set(bucket, Math.min(size * 2, BATCH));
      return result;
    } catch (error) {
      if (isTimeout(error)) this.reduced.set(bucket, Math.ceil(size / 4));
      throw error;
    }
  }
}
