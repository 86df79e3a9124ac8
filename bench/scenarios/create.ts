import { barsOf } from '../harness/chart.js';
import { raceInTurn, relativeRow } from '../harness/in-turn.js';
import type { Scenario } from '../harness/scenario.js';

/** Calls under way at a time. */
export const AT_ONCE = 64;

/**
 * A sign-in, its audit event included. None of the contenders works off its events meanwhile, as
 * in a web process beside others that do.
 */
export const create: Scenario = {
  rows: ['create', 'create-limit'],
  async run(place, effort) {
    const races = await raceInTurn(
      'create',
      ['create-ours', 'create-usual', 'create-bare-script'],
      place,
      effort,
    );
    const ours = { label: 'createSession', figures: races['create-ours']! };
    const usual = { label: 'SET EX + SADD + a BullMQ job', figures: races['create-usual']! };
    const bare = { label: 'bare script', figures: races['create-bare-script']! };
    return [
      relativeRow('create', 2.5, 'calls/s', ours, usual),
      relativeRow('create-limit', 0.8, 'calls/s', ours, bare),
    ];
  },
  chart: (rows) => ({
    name: 'create',
    title: 'Beginning a session',
    unit: 'calls a second, 64 at a time',
    bars: barsOf(rows),
  }),
};
