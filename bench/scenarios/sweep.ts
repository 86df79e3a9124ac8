import { Client } from 'pg';
import { setTimeout as delay } from 'node:timers/promises';

import { barsOf } from '../harness/chart.js';
import type { Methods, Place } from '../harness/contender.js';
import { hire, type Hired } from '../harness/hire.js';
import { say } from '../harness/progress.js';
import type { Row } from '../harness/row.js';
import type { Scenario } from '../harness/scenario.js';
import { percentile } from '../harness/statistics.js';

/** The process that runs the audit's jobs. */
export type Worker = {
  /** Makes sessions that all end at the same moment, after so many calm ms; answers with it. */
  createEndingTogether(sessions: number, calm: number): Promise<number>;
};

/** A web process that validates at a steady rate. */
export interface Validator extends Methods {
  start(perSecond: number): Promise<void>;
  /** How long each validation took since the last call, ms. */
  takeLatencies(): Promise<number[]>;
}

const SESSIONS = 100_000;
const VALIDATIONS = 500; // a second
const TIMES = 2;

/**
 * Many sessions that end in the same second, to their last record in SQL, while another process
 * goes on validating.
 */
export const sweep: Scenario = {
  rows: ['sweep'],
  async run(place, { quick }) {
    const sessions = quick ? 1_000 : SESSIONS;
    const worker = await hire<Worker>('sweep-worker', place);
    const validator = await hire<Validator>('sweep-validator', place);
    try {
      say(`sweep: making ${sessions} sessions that end together`);
      const calm = quick ? 500 : 4_000;
      const end = await worker.call('createEndingTogether', sessions, calm);
      await validator.call('start', VALIDATIONS);
      await delay(end - calm - Date.now());
      return [await measure(validator, place, sessions, end)];
    } finally {
      await Promise.all([worker.dismiss(), validator.dismiss()]);
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
  validator: Hired<Validator>,
  place: Place,
  sessions: number,
  end: number,
): Promise<Row> {
  await validator.call('takeLatencies');
  say('sweep: calm');
  await delay(end - Date.now());
  const calm = await validator.call('takeLatencies');
  say(`sweep: ${sessions} sessions end now`);
  await untilRecorded(place, sessions);
  const seconds = (Date.now() - end) / 1_000;
  const meanwhile = await validator.call('takeLatencies');
  return row(sessions, seconds, calm, meanwhile);
}

async function untilRecorded(place: Place, sessions: number): Promise<void> {
  const database = new Client({ connectionString: place.databaseUrl });
  await database.connect();
  try {
    // The heads of the chains count all events. Those that live on have a beginning only.
    const sql = 'SELECT sum(last_seq)::int AS events FROM session_chains';
    const wanted = VALIDATED + TRIED + 2 * sessions;
    let recorded = 0;
    while (recorded < wanted) {
      await delay(100);
      recorded = (await database.query<{ events: number }>(sql)).rows[0]!.events;
    }
  } finally {
    await database.end();
  }
}

/** Sessions that live on: those to be validated, and those by which the pace was found. */
export const VALIDATED = 1_000;
export const TRIED = 1_000;

function row(sessions: number, seconds: number, calm: number[], meanwhile: number[]): Row {
  const [ours, peer] = [percentile(meanwhile, 0.99), percentile(calm, 0.99)];
  return {
    name: 'sweep',
    ours,
    peer,
    unit: 'ms, p99 of validate',
    ratio: peer / ours,
    bar: 1 / TIMES,
    holds: peer / ours >= 1 / TIMES,
    labels: { ours: 'while they end', peer: 'calm' },
    details: {
      sessions,
      'seconds to the last record': seconds,
      'ends a second': sessions / seconds,
      'p50 calm': percentile(calm, 0.5),
      'p50 meanwhile': percentile(meanwhile, 0.5),
      'longest meanwhile': percentile(meanwhile, 1),
    },
  };
}
