/** How long events of a bucket are gathered before the drain is woken, ms. */
const GATHER = 50;

/** A bucket's wake-up: waiting for its time, on its way, or on its way and wanted again. */
type State = 'waiting' | 'sending' | 'wanted-again';

/**
 * Wakes the drain after a change: throttled, never awaited by the caller, and never more than one
 * call under way per bucket, so that nothing piles up while Redis is away. A wake-up that is lost
 * costs a second: the scheduled jobs look at every bucket.
 */
export class DrainTrigger {
  private readonly states = new Map<number, State>();
  private closed = false;

  /** @param send asks for a drain of the bucket */
  constructor(private readonly send: (bucket: number) => Promise<unknown>) {}

  notify(bucket: number): void {
    const state = this.states.get(bucket);
    if (state === 'sending') this.states.set(bucket, 'wanted-again');
    if (state || this.closed) return;
    this.states.set(bucket, 'waiting');
    setTimeout(() => void this.fire(bucket), GATHER).unref();
  }

  close(): void {
    this.closed = true;
  }

  private async fire(bucket: number): Promise<void> {
    if (this.closed) return;
    this.states.set(bucket, 'sending');
    await this.send(bucket).catch(() => undefined);
    const again = this.states.get(bucket) === 'wanted-again';
    this.states.delete(bucket);
    if (again) this.notify(bucket);
  }
}
