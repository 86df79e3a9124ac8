import { describe, expect, it } from '@jest/globals';
import { Queue, type ConnectionOptions } from 'bullmq';
import { Client } from 'pg';

import { eventually } from '../../support/eventually.js';
import { countRecords } from './records.js';
import { createAndDestroySessions, createSessions } from './sessions.js';
import type { Trail } from '../../support/trail.js';
import { useLedger } from '../../support/use-ledger.js';

const SECONDS = 1_000;
const WEB = { buckets: 1, audit: { worker: false } };
const WORKER = { buckets: 1 };

describe('BullMQ jobs', () => {
  const fixture = useLedger();

  /** Name and options to open the queue with BullMQ directly. */
  const queueOf = ({ prefix }: Trail) => ({
    name: 'session-ledger',
    options: {
      connection: { url: fixture.redis.servers[0]!.url, disconnectTimeout: 0 } as ConnectionOptions,
      prefix: `{${prefix}:jobs}`,
    },
  });

  const expectRecords = (trail: Trail, count: number, within?: number) =>
    eventually(async () => {
      expect(await countRecords(trail)).toEqual({ created: count, destroyed: count });
    }, within);

  it('two drainers can share a bucket without recording any event twice', async () => {
    const trail = await fixture.open();
    const [first, second] = await Promise.all([trail.start(WEB), trail.start(WEB)]);
    await createAndDestroySessions(first, 1_500);
    const reports = await Promise.all(
      [first, second, first, second].map((process) => process.audit.flush()),
    );
    expect(reports.reduce((sum, { recorded }) => sum + recorded, 0)).toBe(3_000);
    await expectRecords(trail, 1_500);
  });

  it('a flush that waits for a chain polls instead of queueing for the lock', async () => {
    const trail = await fixture.open();
    const web = await trail.start(WEB);
    await createAndDestroySessions(web, 100);
    const holder = new Client({ connectionString: trail.databaseUrl });
    await holder.connect();
    await holder.query('BEGIN');
    await holder.query('SELECT 1 FROM session_chains WHERE chain = 0 FOR UPDATE');
    const flush = web.audit.flush();
    try {
      const waiting = `SELECT count(*)::int AS count FROM pg_stat_activity
                       WHERE datname = current_database() AND wait_event_type = 'Lock'`;
      // A backend whose client has died keeps its place in a lock queue, and later the lock.
      for (let check = 0; check < 50; check += 1) {
        expect(await trail.rows(waiting)).toEqual([{ count: 0 }]);
      }
      expect(await countRecords(trail)).toEqual({ created: 0, destroyed: 0 });
    } finally {
      await holder.end();
    }
    expect(await flush).toMatchObject({ recorded: 200 });
  });

  it('duplicate drain jobs are harmless', async () => {
    const trail = await fixture.open();
    const web = await trail.start(WEB);
    await createAndDestroySessions(web, 500);
    const { name, options } = queueOf(trail);
    const queue = new Queue(name, options);
    await queue.addBulk(Array.from({ length: 40 }, () => ({ name: 'drain', data: { bucket: 0 } })));
    await queue.close();

    await Promise.all([trail.start(WORKER), trail.start(WORKER)]);
    await expectRecords(trail, 500);
  });

  it('the whole queue can be deleted at any time without losing events', async () => {
    const trail = await fixture.open();
    const app = await trail.start(WORKER);
    const [node] = fixture.redis.nodes;
    for (let round = 1; round <= 3; round += 1) {
      await createAndDestroySessions(app, 200);
      const keys = await node!.keys(`{${trail.prefix}:jobs}*`);
      if (keys.length > 0) await node!.del(...keys);
    }
    await expectRecords(trail, 600, 30 * SECONDS);

    const { name, options } = queueOf(trail);
    const queue = new Queue(name, options);
    const schedules = ['partitions', 'reconcile', 'sweep'];
    await eventually(async () => {
      const schedulers = await queue.getJobSchedulers();
      expect(schedulers.map(({ key }) => key).toSorted()).toEqual(schedules);
    });
    await queue.close();
  });

  it('the audit is due at night, also if an earlier version had scheduled it each hour', async () => {
    const trail = await fixture.open();
    const { name, options } = queueOf(trail);
    const queue = new Queue(name, options);
    await queue.upsertJobScheduler('reconcile', { every: 3_600_000 }, { name: 'reconcile' });
    await trail.start(WORKER);
    await eventually(async () => {
      const schedule = await queue.getJobScheduler('reconcile');
      expect(schedule).toMatchObject({ pattern: '0 3 * * *' });
      expect(new Date(schedule!.next!).getHours()).toBe(3);
    });
    await queue.close();
  });

  it('a bucket is drained even if a lost job deduplicates every new drain job', async () => {
    const trail = await fixture.open();
    const app = await trail.start(WORKER);
    const { name, options } = queueOf(trail);
    const queue = new Queue(name, options);
    await createSessions(app, 1);
    await eventually(async () => expect((await countRecords(trail)).created).toBe(1));
    // This delayed job acts like a stalled job, or one that is in none of BullMQ's lists: as long
    // as it exists, BullMQ drops every new drain job for the bucket as a duplicate of it.
    await eventually(async () => {
      const deduplication = { id: 'drain-0', keepLastIfActive: true };
      const job = await queue.add('drain', { bucket: 0 }, { deduplication, delay: 3_600_000 });
      expect(await queue.getDeduplicationJobId('drain-0')).toBe(job.id);
      expect(await job.isDelayed()).toBe(true);
    });
    await queue.close();

    await createSessions(app, 10);
    await eventually(async () => {
      expect((await countRecords(trail)).created).toBe(11);
    }, 30 * SECONDS);
  });
});
