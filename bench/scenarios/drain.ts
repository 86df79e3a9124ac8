import { barsOf } from '../harness/chart.js';
import { measureInterleaved } from '../harness/interleaved.js';
import { relativeRow } from '../harness/row.js';
import type { Scenario } from '../harness/scenario.js';

/** Events in a round per ms of its intended duration. */
export const EVENTS_PER_MS = 20;

/**
 * From the outbox to committed rows, in all buckets. Half of the events create sessions and half end
 * the sessions of the previous round, as in a service with a steady number of sessions.
 */
export const drain: Scenario = {
  rows: ['drain', 'drain-limit'],
  async run(servers, effort) {
    const fewer = { ...effort, rounds: Math.min(effort.rounds, 7) };
    const figures = await measureInterleaved(
      'drain',
      ['drain-ours', 'drain-job-per-event', 'drain-inside-postgres'],
      servers,
      fewer,
    );
    const ours = { label: 'SessionAudit.flush', figures: figures['drain-ours']! };
    const jobs = { label: 'a job per event, insert', figures: figures['drain-job-per-event']! };
    const limit = { label: 'generated in Postgres', figures: figures['drain-inside-postgres']! };
    return [
      relativeRow('drain', 6, 'events/s', ours, jobs),
      relativeRow('drain-limit', 0.5, 'events/s', ours, limit),
    ];
  },
  chart: (rows) => ({
    name: 'drain',
    title: 'From the outbox to committed rows',
    unit: 'events per second',
    bars: barsOf(rows),
  }),
};
