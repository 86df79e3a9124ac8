import { Client } from 'pg';

import type { Place } from '../harness/contender.js';
import { hire } from '../harness/hire.js';
import { say } from '../harness/progress.js';
import type { Scenario } from '../harness/scenario.js';
import { percentile } from '../harness/statistics.js';

/** Begins sessions at a steady rate, in a process that runs the audit's jobs too. */
export type SteadyCreator = {
  /** Answers with each session's handle and the moment at which its creation resolved, ms. */
  create(perSecond: number, seconds: number): Promise<[handle: string, at: number][]>;
};

const PER_SECOND = 1_000;
const LIMIT = 500; // ms

/** From `createSession` resolved to the row committed, by Postgres's own commit timestamps. */
export const lag: Scenario = {
  rows: ['lag'],
  postgres: { track_commit_timestamp: 'on' },
  async run(place, { quick }) {
    const seconds = quick ? 1 : 15;
    const creator = await hire<SteadyCreator>('lag-ours', place);
    try {
      say('lag: warm-up');
      await creator.call('create', PER_SECOND, quick ? 1 : 5);
      say(`lag: ${PER_SECOND} creates a second for ${seconds} s`);
      const begun = await creator.call('create', PER_SECOND, seconds);
      const lags = await lagsOf(begun, place);
      const p99 = percentile(lags, 0.99);
      return [
        {
          name: 'lag',
          ours: p99,
          peer: null,
          unit: 'ms, p99',
          ratio: LIMIT / p99,
          bar: 1,
          holds: p99 <= LIMIT,
          labels: { ours: 'createSession to committed row', peer: '' },
          details: {
            'bar in words': `at most ${LIMIT} ms; 1 is just that`,
            sessions: lags.length,
            p50: percentile(lags, 0.5),
            p90: percentile(lags, 0.9),
            p99,
            longest: percentile(lags, 1),
          },
        },
      ];
    } finally {
      await creator.dismiss();
    }
  },
  chart: (rows) => ({
    name: 'lag',
    title: `From createSession to the committed row, at ${PER_SECOND} a second`,
    unit: 'ms',
    bars: ['p50', 'p90', 'p99', 'longest'].map((label) => ({
      label,
      value: Number(rows[0]!.details![label]),
      ours: true,
    })),
  }),
};

async function lagsOf(begun: [string, number][], place: Place): Promise<number[]> {
  const database = new Client({ connectionString: place.databaseUrl });
  await database.connect();
  try {
    const committed = new Map<string, number>();
    const sql = `SELECT token, extract(epoch FROM pg_xact_commit_timestamp(xmin)) * 1000 AS at
                 FROM sessions`;
    while (begun.some(([handle]) => !committed.has(handle))) {
      const { rows } = await database.query<{ token: string; at: string }>(sql);
      for (const row of rows) committed.set(row.token, Number(row.at));
    }
    // Committed before the caller's own process had read Redis's reply: no lag at all.
    return begun.map(([handle, at]) => Math.max(0, committed.get(handle)! - at));
  } finally {
    await database.end();
  }
}
