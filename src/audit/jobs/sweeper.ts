import type { SessionStore } from '../../store/session-store.js';

/** Ends the sessions whose time has come, in every bucket. */
export class Sweeper {
  constructor(private readonly store: SessionStore) {}

  /** One pass: afterwards nothing is due that was due when it began. */
  async runOnce(): Promise<void> {
    for (let bucket = 0; bucket < this.store.buckets; bucket += 1) {
      let more = true;
      while (more) more = await this.store.sweep(bucket);
    }
  }
}
