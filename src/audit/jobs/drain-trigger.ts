/** How long to gather a bucket's events before asking for a drain (ms). */
const GATHER_INTERVAL = 50;

/** The state of a bucket's request: scheduled, being sent, or being sent and needed once more. */
type State = 'scheduled' | 'sending' | 'sending, then again';

/**
 * Asks for a drain after a change. The caller never waits for it. It is throttled, with at most one
 * request in flight per bucket, so that requests don't pile up while Redis is unavailable. Losing a
 * request delays its events by about a second, until the scheduled jobs look at every bucket.
 */
export class DrainTrigger {
  private readonly states = new Map<number, State>();
  private closed = false;

  /** @param send asks for a drain of the bucket */
  constructor(private readonly send: (bucket: number) => Promise<unknown>) {}

  notify(bucket: number): void {
    const state = this.states.get(bucket);
    if (state === 'sending') this.states.set(bucket, 'sending, then again');
    if (state || this.closed) return;
    this.states.set(bucket, 'scheduled');
    setTimeout(() => void this.fire(bucket), GATHER_INTERVAL).unref();
  }

  close(): void {
    this.closed = true;
  }

  private async fire(bucket: number): Promise<void> {
    if (this.closed) return;
    this.states.set(bucket, 'sending');
    await this.send(bucket).catch(() => undefined);
    const again = this.states.get(bucket) === 'sending, then again';
    this.states.delete(bucket);
    if (again) this.notify(bucket);
  }
}
