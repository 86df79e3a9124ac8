import ms from 'ms';

import type { BucketBacklog } from '../../audit/session-audit.js';
import { table } from '../output.js';
import type { Work } from './command.js';

export interface BacklogOptions {
  /** ms */
  maxAge: number;
  maxEvents?: number;
}

export const backlog: Work<BacklogOptions> = async ({ audit }, output, options) => {
  const { maxAge, maxEvents = Infinity } = options;
  const buckets = await audit.backlog();
  const events = buckets.reduce((sum, bucket) => sum + bucket.events, 0);
  const oldestAge = Math.max(0, ...buckets.map((bucket) => bucket.oldestAge ?? 0));
  const isFine = oldestAge <= maxAge && events <= maxEvents;
  output.result({ events, oldestAge, fine: isFine, buckets }, () =>
    describe(buckets, events, oldestAge),
  );
  return isFine;
};

function describe(buckets: BucketBacklog[], events: number, oldestAge: number): string[] {
  const waiting = buckets.filter((bucket) => bucket.events > 0);
  if (waiting.length === 0) return ['No event waits to be recorded.'];
  return [
    table(
      ['bucket', 'events', 'oldest'],
      waiting.map((bucket) => [
        bucket.bucket,
        bucket.events.toLocaleString('en'),
        ms(bucket.oldestAge ?? 0),
      ]),
    ),
    `${events.toLocaleString('en')} events wait to be recorded, the oldest for ${ms(oldestAge, { long: true })}.`,
  ];
}
