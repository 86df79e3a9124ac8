/** The figures of several rounds. */
export interface Spread {
  median: number;
  min: number;
  max: number;
}

export function spreadOf(figures: number[]): Spread {
  return { median: median(figures), min: Math.min(...figures), max: Math.max(...figures) };
}

export function median(figures: number[]): number {
  const sorted = figures.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  if (sorted.length % 2 === 1) return sorted[Math.floor(middle)]!;
  return (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** The figure that a `share` of all figures don't exceed: 0.99 for p99. */
export function percentile(figures: number[], share: number): number {
  const sorted = figures.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN;
}
