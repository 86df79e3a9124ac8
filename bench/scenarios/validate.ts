import { barsOf } from '../harness/chart.js';
import { measureInterleaved } from '../harness/interleaved.js';
import { relativeRow } from '../harness/row.js';
import type { Scenario } from '../harness/scenario.js';

/** Concurrent calls. */
export const CONCURRENCY = 64;
export const LIVE_SESSIONS = 10_000;
/** The size of our keys and values for the sessions of `sample-data.ts`, according to Redis's STRLEN. */
export const OUR_KEY_BYTES = 55;
export const OUR_VALUE_BYTES = 202;

/** Looking up a live session: the cost of every request. */
export const validate: Scenario = {
  rows: ['validate', 'validate-limit'],
  async run(servers, effort) {
    const figures = await measureInterleaved(
      'validate',
      ['validate-ours', 'validate-connect-redis', 'validate-bare-get'],
      servers,
      effort,
    );
    const ours = { label: 'validateSession', figures: figures['validate-ours']! };
    const peer = { label: 'connect-redis get', figures: figures['validate-connect-redis']! };
    const bare = { label: 'bare ioredis GET', figures: figures['validate-bare-get']! };
    return [
      relativeRow('validate', 1.7, 'calls/s', ours, peer),
      relativeRow('validate-limit', 0.8, 'calls/s', ours, bare),
    ];
  },
  chart: (rows) => ({
    name: 'validate',
    title: 'Looking up a live session',
    unit: 'calls per second, 64 at a time',
    bars: barsOf(rows),
  }),
};
