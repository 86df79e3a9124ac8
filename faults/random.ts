/** Pseudo-random numbers: the same seed gives the same campaign. */
export class Random {
  constructor(private state: number) {}

  /** At least 0 and less than 1 (mulberry32). */
  float(): number {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }

  /** An integer between the bounds (inclusive). */
  between(low: number, high: number): number {
    return low + Math.floor(this.float() * (high - low + 1));
  }

  chance(probability: number): boolean {
    return this.float() < probability;
  }

  pick<T>(from: readonly T[]): T {
    return from[this.between(0, from.length - 1)]!;
  }

  /** Picks by weight: `[[3, 'often'], [1, 'rarely']]`. */
  pickWeighted<T>(from: readonly (readonly [weight: number, value: T])[]): T {
    let left = this.float() * from.reduce((sum, [weight]) => sum + weight, 0);
    for (const [weight, value] of from) {
      left -= weight;
      if (left < 0) return value;
    }
    return from.at(-1)![1];
  }

  /** An independent stream of numbers, so that the numbers of one part don't depend on another's. */
  fork(): Random {
    return new Random(Math.floor(this.float() * 2 ** 32));
  }
}
