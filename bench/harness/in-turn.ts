import type { Methods, Place } from './contender.js';
import { hire, type Hired } from './hire.js';
import { say } from './progress.js';
import type { Row } from './row.js';
import type { Effort } from './scenario.js';
import { median, spreadOf } from './statistics.js';

/** A contender that does one thing as fast as it can. */
export interface Racer extends Methods {
  /** Works for so many ms; answers with operations a second. */
  round(ms: number): Promise<number>;
  /** Puts things back as they were, outside of the measurement. */
  tidy(): Promise<void>;
}

/** Operations a second, by contender, a figure for each round. */
export type Races = Record<string, number[]>;

/**
 * Lets contenders run in turn, one at a time, after a round to warm up. Whatever else this machine
 * does meanwhile comes to all of them.
 */
export async function raceInTurn(
  name: string,
  contenders: string[],
  place: Place,
  { rounds, roundMs }: Effort,
): Promise<Races> {
  const hired: Hired<Racer>[] = [];
  const races: Races = Object.fromEntries(contenders.map((file) => [file, []]));
  try {
    for (const file of contenders) hired.push(await hire<Racer>(file, place));
    for (let round = 0; round <= rounds; round += 1) {
      for (const [i, file] of contenders.entries()) {
        say(`${name}: ${round === 0 ? 'warm-up' : `round ${round} of ${rounds}`}, ${file}`);
        const figure = await hired[i]!.call('round', roundMs);
        await hired[i]!.call('tidy');
        if (round > 0) races[file]!.push(figure);
      }
    }
    return races;
  } finally {
    await Promise.all(hired.map((each) => each.dismiss()));
  }
}

/** A row from rounds in turn. The ratio is that of each round, as the two were neighbours in time. */
export function relativeRow(
  name: string,
  bar: number,
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
    bar,
    holds: ratio >= bar,
    labels: { ours: ours.label, peer: peer.label },
    spread: {
      ours: spreadOf(ours.figures),
      peer: spreadOf(peer.figures),
      ratio: spreadOf(ratios),
    },
  };
}
