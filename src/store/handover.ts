/** What is held back: changes only, or reads as well. */
export type Held = 'changes' | 'all';

export interface HandoverSettings {
  /** The longest time that calls are held back (ms). */
  limit: number;
  /** Called if that time has passed. */
  onLimit?(): void;
  /** Asked before each call: a promise if news may be waiting that this process has not read yet. */
  news?(): Promise<unknown> | undefined;
}

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

  constructor(private readonly settings: HandoverSettings) {}

  /** Whether calls wait at the moment. */
  get isHeld(): boolean {
    return this.held !== undefined;
  }

  hold(what: Held): void {
    if (this.held === undefined) {
      this.released = new Promise((resolve) => (this.resolve = resolve));
      this.timer = setTimeout(() => {
        this.release();
        this.settings.onLimit?.();
      }, this.settings.limit).unref();
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
    return this.until(() => (this.held === undefined ? undefined : this.released));
  }

  /** Resolves once reads may be sent; undefined if they may be sent now. */
  untilReads(): Promise<void> | undefined {
    return this.until(() => (this.held === 'all' ? this.released : undefined));
  }

  private until(released: () => Promise<void> | undefined): Promise<void> | undefined {
    return this.settings.news?.()?.then(released) ?? released();
  }
}
