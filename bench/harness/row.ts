import { median, spreadOf, type Spread } from './statistics.js';

/** A figure and what it is compared with, for the table, the JSON and the charts. */
export interface Row {
  name: string;
  ours: number;
  /** Null if the figure is compared with a limit only. */
  peer: number | null;
  unit: string;
  /** How many times better than the peer, or than the limit. More is better, whatever the unit. */
  ratio: number;
  /** The minimum ratio that meets the threshold. */
  threshold: number;
  met: boolean;
  /** What was measured. */
  labels: { ours: string; peer: string };
  /** The spread between rounds, if there are several. */
  spread?: { ours: Spread; peer: Spread | null; ratio: Spread };
  /** Further figures of the same run, by name. */
  details?: Record<string, number | string>;
}

/**
 * A row from interleaved rounds. Its ratio is the median of the rounds' ratios, because the two
 * figures of a round were measured right after each other.
 */
export function relativeRow(
  name: string,
  threshold: number,
  unit: string,
  ours: { label: string; figures: number[] },
  peer: { label: string; figures: number[] },
): Row {
  const ratios = ours.figures.map((figure, i) => figure / peer.figures[i]!);
  const ratio = median(ratios);
  return {
    name,
    ours: median(ours.figures),
    peer: median(peer.figures),
    unit,
    ratio,
    threshold,
    met: ratio >= threshold,
    labels: { ours: ours.label, peer: peer.label },
    spread: {
      ours: spreadOf(ours.figures),
      peer: spreadOf(peer.figures),
      ratio: spreadOf(ratios),
    },
  };
}
