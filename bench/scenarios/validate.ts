import { barsOf } from '../harness/chart.js';
import { raceInTurn, relativeRow } from '../harness/in-turn.js';
import type { Scenario } from '../harness/scenario.js';

/** Calls under way at a time. */
export const AT_ONCE = 64;
export const LIVE_SESSIONS = 10_000;
/** Our keys and values with the sessions of `sample.ts`, as Redis's STRLEN counts them. */
export const OUR_KEY_BYTES = 55;
export const OUR_VALUE_BYTES = 202;

/** Looking up a live session: what every request pays. */
export const validate: Scenario = {
  rows: ['validate', 'validate-limit'],
  async run(place, effort) {
    const races = await raceInTurn(
      'validate',
      ['validate-ours', 'validate-connect-redis', 'validate-bare-get'],
      place,
      effort,
    );
    const ours = { label: 'validateSession', figures: races['validate-ours']! };
    const peer = { label: 'connect-redis get', figures: races['validate-connect-redis']! };
    const bare = { label: 'bare ioredis GET', figures: races['validate-bare-get']! };
    return [
      relativeRow('validate', 1.7, 'calls/s', ours, peer),
      relativeRow('validate-limit', 0.8, 'calls/s', ours, bare),
    ];
  },
  chart: (rows) => ({
    name: 'validate',
    title: 'Looking up a live session',
    unit: 'calls a second, 64 at a time',
    bars: barsOf(rows),
  }),
};
