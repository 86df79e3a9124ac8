import { Client } from 'pg';

import type { ServerUrls } from '../harness/contender.js';
import type { Scenario } from '../harness/scenario.js';
import { spawn } from '../harness/spawn.js';
import { percentile } from '../harness/statistics.js';
import { showProgress } from '../harness/terminal.js';

/** Creates sessions at a steady rate, in a process that also runs the audit jobs. */
export interface SteadyCreator {
  /** Returns each session's handle, and when `createSession` resolved (ms since 1970). */
  create(perSecond: number, seconds: number): Promise<[handle: string, at: number][]>;
}

const PER_SECOND = 1_000;
/** The highest p99 that meets the threshold (ms). */
const LIMIT = 500;

/** From when `createSession` resolves to when the row is committed, by Postgres's commit timestamps. */
export const lag: Scenario = {
  rows: ['lag'],
  postgres: { track_commit_timestamp: 'on' },
  async run(servers, { quick }) {
    const seconds = quick ? 1 : 15;
    const creator = await spawn<SteadyCreator>('lag-ours', servers);
    try {
      showProgress('lag: warm-up');
      await creator.call('create', PER_SECOND, quick ? 1 : 5);
      showProgress(`lag: ${PER_SECOND} creates per second for ${seconds} s`);
      const created = await creator.call('create', PER_SECOND, seconds);
      const lags = await lagsOf(created, servers);
      const p99 = percentile(lags, 0.99);
      return [
        {
          name: 'lag',
          ours: p99,
          peer: null,
          unit: 'ms, p99',
          ratio: LIMIT / p99,
          threshold: 1,
          met: p99 <= LIMIT,
          labels: { ours: 'createSession to committed row', peer: '' },
          details: {
            'threshold in words': `at most ${LIMIT} ms; a ratio of 1 just meets it`,
            sessions: lags.length,
            p50: percentile(lags, 0.5),
            p90: percentile(lags, 0.9),
            p99,
            longest: percentile(lags, 1),
          },
        },
      ];
    } finally {
      await creator.stop();
    }
  },
  chart: (rows) => ({
    name: 'lag',
    title: `From createSession to the committed row, at ${PER_SECOND} per second`,
    unit: 'ms',
    bars: ['p50', 'p90', 'p99', 'longest'].map((label) => ({
      label,
      value: Number(rows[0]!.details![label]),
      ours: true,
    })),
  }),
};

async function lagsOf(created: [string, number][], servers: ServerUrls): Promise<number[]> {
  const database = new Client({ connectionString: servers.databaseUrl });
  await database.connect();
  try {
    const committed = new Map<string, number>();
    const sql = `SELECT token, extract(epoch FROM pg_xact_commit_timestamp(xmin)) * 1000 AS at
                 FROM sessions`;
    while (created.some(([handle]) => !committed.has(handle))) {
      const { rows } = await database.query<{ token: string; at: string }>(sql);
      for (const row of rows) committed.set(row.token, Number(row.at));
    }
    // A row can be committed before the creating process has read Redis's reply: no lag at all.
    return created.map(([handle, at]) => Math.max(0, committed.get(handle)! - at));
  } finally {
    await database.end();
  }
}
