import { barsOf } from '../harness/chart.js';
import { raceInTurn, relativeRow } from '../harness/in-turn.js';
import type { Scenario } from '../harness/scenario.js';

/** Events of a round, for each ms that a round is meant to last. */
export const EVENTS_PER_MS = 20;

/**
 * From the outbox to committed rows, in all buckets. Half of the events are beginnings, half are
 * ends of sessions that began in the round before, as in a service that neither grows nor shrinks.
 */
export const drain: Scenario = {
  rows: ['drain', 'drain-limit'],
  async run(place, effort) {
    const fewer = { ...effort, rounds: Math.min(effort.rounds, 7) };
    const races = await raceInTurn(
      'drain',
      ['drain-ours', 'drain-job-per-event', 'drain-inside-postgres'],
      place,
      fewer,
    );
    const ours = { label: 'SessionAudit.flush', figures: races['drain-ours']! };
    const jobs = { label: 'a job per event, insert', figures: races['drain-job-per-event']! };
    const limit = { label: 'made inside Postgres', figures: races['drain-inside-postgres']! };
    return [
      relativeRow('drain', 6, 'events/s', ours, jobs),
      relativeRow('drain-limit', 0.5, 'events/s', ours, limit),
    ];
  },
  chart: (rows) => ({
    name: 'drain',
    title: 'From the outbox to committed rows',
    unit: 'events a second',
    bars: barsOf(rows),
  }),
};
