/** One holder at a time, in order of asking. */
export class Lock {
  private last: Promise<unknown> = Promise.resolve();

  hold<T>(work: () => Promise<T>): Promise<T> {
    const held = this.last.then(work);
    this.last = held.catch(() => undefined);
    return held;
  }
}
