import { barsOf } from '../harness/chart.js';
import { measureInterleaved } from '../harness/interleaved.js';
import { relativeRow } from '../harness/row.js';
import type { Scenario } from '../harness/scenario.js';

/** Concurrent calls. */
export const CONCURRENCY = 64;

/**
 * A sign-in with its audit event. No contender processes its events during a round, as in a web
 * process whose workers run elsewhere.
 */
export const create: Scenario = {
  rows: ['create', 'create-limit'],
  async run(servers, effort) {
    const figures = await measureInterleaved(
      'create',
      ['create-ours', 'create-usual', 'create-bare-script'],
      servers,
      effort,
    );
    const ours = { label: 'createSession', figures: figures['create-ours']! };
    const usual = { label: 'SET EX + SADD + a BullMQ job', figures: figures['create-usual']! };
    const bare = { label: 'bare script', figures: figures['create-bare-script']! };
    return [
      relativeRow('create', 2.5, 'calls/s', ours, usual),
      relativeRow('create-limit', 0.8, 'calls/s', ours, bare),
    ];
  },
  chart: (rows) => ({
    name: 'create',
    title: 'Creating a session',
    unit: 'calls per second, 64 at a time',
    bars: barsOf(rows),
  }),
};
