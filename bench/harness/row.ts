import type { Spread } from './statistics.js';

/** A figure beside another, for the table, the JSON and the charts. */
export interface Row {
  name: string;
  ours: number;
  /** Null where the figure stands alone. */
  peer: number | null;
  unit: string;
  /** Bigger is better: how many times better than the peer, or than the bar where there is none. */
  ratio: number;
  bar: number;
  holds: boolean;
  /** What the figures are of. */
  labels: { ours: string; peer: string };
  /** Over the rounds; absent where there is one. */
  spread?: { ours: Spread; peer: Spread | null; ratio: Spread };
  /** Further figures of the same run, by name. */
  details?: Record<string, number | string>;
}
