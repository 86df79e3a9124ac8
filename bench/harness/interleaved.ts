import type { Child } from '../../dev/child-process.js';
import type { ServerUrls } from './contender.js';
import type { Effort } from './scenario.js';
import { spawn } from './spawn.js';
import { showProgress } from './terminal.js';

/** A contender that repeats one operation as fast as it can. */
export interface Candidate {
  /** Runs for the given time (ms). Returns operations per second. */
  round(ms: number): Promise<number>;
  /** Restores the state before the round; not measured. */
  cleanUp(): Promise<void>;
}

/** Operations per second, one figure per round, keyed by the contender's name. */
export type Figures = Record<string, number[]>;

/**
 * Lets the contenders work one at a time, round by round, after a warm-up round. Other load on
 * this machine then affects all of them alike.
 */
export async function measureInterleaved(
  scenario: string,
  contenders: string[],
  servers: ServerUrls,
  { rounds, roundMs }: Effort,
): Promise<Figures> {
  const figures: Figures = Object.fromEntries(contenders.map((name) => [name, []]));
  const candidates: Child<Candidate>[] = [];
  try {
    for (const name of contenders) candidates.push(await spawn<Candidate>(name, servers));
    for (let round = 0; round <= rounds; round += 1) {
      for (const [i, name] of contenders.entries()) {
        const which = round === 0 ? 'warm-up' : `round ${round} of ${rounds}`;
        showProgress(`${scenario}: ${which}, ${name}`);
        const figure = await candidates[i]!.call('round', roundMs);
        await candidates[i]!.call('cleanUp');
        if (round > 0) figures[name]!.push(figure);
      }
    }
    return figures;
  } finally {
    await Promise.all(candidates.map((candidate) => candidate.stop()));
  }
}
