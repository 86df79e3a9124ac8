import { setTimeout as delay } from 'node:timers/promises';

import { Client } from 'pg';

import type { Child } from '../../dev/child-process.js';
import { barsOf } from '../harness/chart.js';
import type { ServerUrls } from '../harness/contender.js';
import type { Row } from '../harness/row.js';
import type { Scenario } from '../harness/scenario.js';
import { spawn } from '../harness/spawn.js';
import { percentile } from '../harness/statistics.js';
import { showProgress } from '../harness/terminal.js';

/** The process that runs the audit jobs. */
export interface Worker {
  /**
   * Creates sessions that all end at the same moment, and leaves at least `calm` ms until then.
   * Returns that moment (ms since 1970).
   */
  createEndingTogether(sessions: number, calm: number): Promise<number>;
}

/** A web process that validates at a steady rate. */
export interface Validator {
  start(perSecond: number): Promise<void>;
  /** How long each validation since the last call took (ms). */
  takeLatencies(): Promise<number[]>;
}

const SESSIONS = 100_000;
const VALIDATIONS_PER_SECOND = 500;
/** The factor by which the latency may rise. */
const MAX_RISE = 2;

/** Sessions that don't end: those that are validated, and those used to measure the pace of creation. */
export const VALIDATED = 1_000;
export const PACE_SESSIONS = 1_000;

/**
 * Many sessions end in the same second. Measures how long the last record takes to reach SQL, and
 * how much slower another process validates in the meantime.
 */
export const sweep: Scenario = {
  rows: ['sweep'],
  async run(servers, { quick }) {
    const sessions = quick ? 1_000 : SESSIONS;
    const worker = await spawn<Worker>('sweep-worker', servers);
    const validator = await spawn<Validator>('sweep-validator', servers);
    try {
      showProgress(`sweep: creating ${sessions} sessions that end together`);
      const calm = quick ? 500 : 4_000;
      const end = await worker.call('createEndingTogether', sessions, calm);
      await validator.call('start', VALIDATIONS_PER_SECOND);
      await delay(end - calm - Date.now());
      return [await measure(validator, servers, sessions, end)];
    } finally {
      await Promise.all([worker.stop(), validator.stop()]);
    }
  },
  chart: (rows) => ({
    name: 'sweep',
    title: 'Validation while 100,000 sessions end at once',
    unit: 'ms, p99',
    bars: barsOf(rows),
  }),
};

async function measure(
  validator: Child<Validator>,
  servers: ServerUrls,
  sessions: number,
  end: number,
): Promise<Row> {
  await validator.call('takeLatencies');
  showProgress('sweep: before the end');
  await delay(end - Date.now());
  const before = await validator.call('takeLatencies');
  showProgress(`sweep: ${sessions} sessions end now`);
  await untilRecorded(servers, sessions);
  const seconds = (Date.now() - end) / 1_000;
  const meanwhile = await validator.call('takeLatencies');
  return row(sessions, seconds, before, meanwhile);
}

async function untilRecorded(servers: ServerUrls, sessions: number): Promise<void> {
  const database = new Client({ connectionString: servers.databaseUrl });
  await database.connect();
  try {
    // The heads of the chains count all events; sessions that don't end have only one.
    const sql = 'SELECT sum(last_seq)::int AS events FROM session_chains';
    const expected = VALIDATED + PACE_SESSIONS + 2 * sessions;
    let recorded = 0;
    while (recorded < expected) {
      await delay(100);
      recorded = (await database.query<{ events: number }>(sql)).rows[0]!.events;
    }
  } finally {
    await database.end();
  }
}

function row(sessions: number, seconds: number, before: number[], meanwhile: number[]): Row {
  const [ours, peer] = [percentile(meanwhile, 0.99), percentile(before, 0.99)];
  return {
    name: 'sweep',
    ours,
    peer,
    unit: 'ms, p99 of validate',
    ratio: peer / ours,
    threshold: 1 / MAX_RISE,
    met: peer / ours >= 1 / MAX_RISE,
    labels: { ours: 'while they end', peer: 'before' },
    details: {
      sessions,
      'seconds to the last record': seconds,
      'ends per second': sessions / seconds,
      'p50 before': percentile(before, 0.5),
      'p50 meanwhile': percentile(meanwhile, 0.5),
      'longest meanwhile': percentile(meanwhile, 1),
    },
  };
}
