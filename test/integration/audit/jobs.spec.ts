import { describe, expect, it } from '@jest/globals';
import { Queue, type ConnectionOptions } from 'bullmq';
import { Client } from 'pg';

import { eventually } from '../../support/eventually.js';
import { countRecords } from './records.js';
import { begin, beginAndEnd } from './sessions.js';
import type { Trail } from './trail.js';
import { useLedger } from './use-ledger.js';

const SECONDS = 1_000;
const WEB = { buckets: 1, audit: { worker: false } };
const WORKER = { buckets: 1 };

describe('the jobs', () => {
  const ground = useLedger();

  /** The queue as BullMQ itself sees it. */
  const queueOf = ({ prefix }: Trail) => ({
    name: 'session-ledger',
    options: {
      connection: { url: ground.redis.servers[0]!.url, disconnectTimeout: 0 } as ConnectionOptions,
      prefix: `{${prefix}:jobs}`,
    },
  });

  const expectRecords = (trail: Trail, count: number, within?: number) =>
    eventually(async () => {
      expect(await countRecords(trail)).toEqual({ created: count, destroyed: count });
    }, within);

  it('may run twice at once: two drainers share a bucket without a double', async () => {
    const trail = await ground.open();
    const [one, other] = await Promise.all([trail.start(WEB), trail.start(WEB)]);
    await beginAndEnd(one, 1_500);
    const reports = await Promise.all(
      [one, other, one, other].map((process) => process.audit.flush()),
    );
    expect(reports.reduce((sum, { recorded }) => sum + recorded, 0)).toBe(3_000);
    await expectRecords(trail, 1_500);
  });

  it('wait for a chain without a place in the queue of its lock, which the dead would keep', async () => {
    const trail = await ground.open();
    const web = await trail.start(WEB);
    await beginAndEnd(web, 100);
    const holder = new Client({ connectionString: trail.databaseUrl });
    await holder.connect();
    await holder.query('BEGIN');
    await holder.query('SELECT 1 FROM session_chains WHERE chain = 0 FOR UPDATE');
    const flush = web.audit.flush();
    try {
      const waiting = `SELECT count(*)::int AS count FROM pg_stat_activity
                       WHERE datname = current_database() AND wait_event_type = 'Lock'`;
      for (let looks = 0; looks < 50; looks += 1) {
        expect(await trail.rows(waiting)).toEqual([{ count: 0 }]);
      }
      expect(await countRecords(trail)).toEqual({ created: 0, destroyed: 0 });
    } finally {
      await holder.end();
    }
    expect(await flush).toMatchObject({ recorded: 200 });
  });

  it('may be doubled', async () => {
    const trail = await ground.open();
    const web = await trail.start(WEB);
    await beginAndEnd(web, 500);
    const { name, options } = queueOf(trail);
    const queue = new Queue(name, options);
    await queue.addBulk(Array.from({ length: 40 }, () => ({ name: 'drain', data: { bucket: 0 } })));
    await queue.close();

    await Promise.all([trail.start(WORKER), trail.start(WORKER)]);
    await expectRecords(trail, 500);
  });

  it('may be deleted, the whole queue, at any time', async () => {
    const trail = await ground.open();
    const app = await trail.start(WORKER);
    const [node] = ground.redis.nodes;
    for (let round = 1; round <= 3; round += 1) {
      await beginAndEnd(app, 200);
      const keys = await node!.keys(`{${trail.prefix}:jobs}*`);
      if (keys.length > 0) await node!.del(...keys);
    }
    await expectRecords(trail, 600, 30 * SECONDS);

    const { name, options } = queueOf(trail);
    const queue = new Queue(name, options);
    const schedules = ['partitions', 'reconcile', 'sweep'];
    await eventually(async () => {
      const made = await queue.getJobSchedulers();
      expect(made.map((each) => each.key).toSorted()).toEqual(schedules);
    });
    await queue.close();
  });

  it('may be lost, and still stand in the way of every wake-up of its bucket', async () => {
    const trail = await ground.open();
    const app = await trail.start(WORKER);
    const { name, options } = queueOf(trail);
    const queue = new Queue(name, options);
    await begin(app, 1);
    await eventually(async () => expect((await countRecords(trail)).created).toBe(1));
    // A stalled job, or one that is in none of BullMQ's lists, has the same effect for as long as
    // it is there: each wake-up is taken for a copy of it.
    await eventually(async () => {
      const deduplication = { id: 'drain-0', keepLastIfActive: true };
      const job = await queue.add('drain', { bucket: 0 }, { deduplication, delay: 3_600_000 });
      expect(await queue.getDeduplicationJobId('drain-0')).toBe(job.id);
      expect(await job.isDelayed()).toBe(true);
    });
    await queue.close();

    await begin(app, 10);
    await eventually(async () => {
      expect((await countRecords(trail)).created).toBe(11);
    }, 30 * SECONDS);
  });
});
