/** What is held back: changes only, or reads as well. */
export type Held = 'changes' | 'all';

/**
 * Holds calls back while Sentinel replaces the master. What the old master acknowledges after the
 * promotion of a replica is thrown away, so nothing is sent to it from shortly before the promotion
 * until the process has reached the new master.
 */
export class Handover {
  private held: Held | undefined;
  private released: Promise<void> = Promise.resolve();
  private resolve: () => void = () => undefined;
  private timer: NodeJS.Timeout | undefined;

  /**
   * @param limit the longest time that calls are held back (ms)
   * @param onLimit called if that time has passed
   */
  constructor(
    private readonly limit: number,
    private readonly onLimit: () => void = () => undefined,
  ) {}

  /** Whether calls wait at the moment. */
  get isHeld(): boolean {
    return this.held !== undefined;
  }

  hold(what: Held): void {
    if (this.held === undefined) {
      this.released = new Promise((resolve) => (this.resolve = resolve));
      this.timer = setTimeout(() => {
        this.release();
        this.onLimit();
      }, this.limit).unref();
    }
    if (this.held !== 'all') this.held = what;
  }

  release(): void {
    clearTimeout(this.timer);
    this.held = undefined;
    this.resolve();
  }

  /** Resolves once changes may be sent; undefined if they may be sent now. */
  untilChanges(): Promise<void> | undefined {
    return this.held === undefined ? undefined : this.released;
  }

  /** Resolves once reads may be sent; undefined if they may be sent now. */
  untilReads(): Promise<void> | undefined {
    return this.held === 'all' ? this.released : undefined;
  }
}
