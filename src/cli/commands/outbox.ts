import ms, { type StringValue } from 'ms';

import { sumBacklog, type BucketBacklog } from '../../audit/session-audit.js';
import { defineCommand, wholeNumberOption, type CommandOption } from '../command-line.js';
import { count, table } from '../output.js';

const DEFAULT_MAX_AGE = '1m';

export const backlog = defineCommand<{ 'max-age': number; 'max-events': number }>({
  name: 'backlog',
  description: 'show the events in Redis that are not in Postgres yet',
  requires: ['redis'],
  options: {
    'max-age': durationOption(
      `fail if an event is older than this, such as 30s (default: ${DEFAULT_MAX_AGE})`,
    ),
    'max-events': wholeNumberOption(0, 2 ** 40, 'fail if there are more events than this'),
  },
  async run({ audit }, output, options) {
    const { 'max-age': maxAge = ms(DEFAULT_MAX_AGE), 'max-events': maxEvents = Infinity } = options;
    const buckets = await audit.backlog();
    const { events, oldestAge } = sumBacklog(buckets);
    const ok = oldestAge <= maxAge && events <= maxEvents;
    output.result({ ok, events, oldestAge, buckets }, () =>
      describeBacklog(buckets, events, oldestAge),
    );
    return ok;
  },
});

function describeBacklog(buckets: BucketBacklog[], events: number, oldestAge: number): string[] {
  if (events === 0) return ['The backlog is empty.'];
  const waiting = buckets.filter((bucket) => bucket.events > 0);
  return [
    table(
      ['bucket', 'events', 'oldest'],
      waiting.map((bucket) => [
        bucket.bucket,
        bucket.events.toLocaleString('en'),
        ms(bucket.oldestAge ?? 0),
      ]),
    ),
    `Backlog: ${count(events, 'event')}, the oldest ${ms(oldestAge, { long: true })} old.`,
  ];
}

export const flush = defineCommand({
  name: 'flush',
  description: 'record all events of the backlog in Postgres now',
  requires: ['redis', 'postgres'],
  options: {},
  async run({ audit }, output) {
    const countLeft = async () => sumBacklog(await audit.backlog()).events;
    const report = await output.withCountdown('Recording events', countLeft, () => audit.flush());
    const { recorded, deadLettered } = report;
    output.result(report, () => [
      `Recorded ${count(recorded, 'event')}.`,
      ...(deadLettered > 0
        ? [`Postgres rejected ${count(deadLettered, 'event')}, now in session_dead_letters.`]
        : []),
    ]);
    return deadLettered === 0;
  },
});

function durationOption(description: string): CommandOption<number> {
  return {
    value: '<duration>',
    description,
    parse: (text) => {
      const duration = text.length <= 100 ? ms(text as StringValue) : undefined;
      return duration !== undefined && duration >= 0 ? duration : undefined;
    },
    remedy: 'use a duration such as 30s, 5m or 2h',
  };
}
