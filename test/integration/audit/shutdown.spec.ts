import { describe, expect, it } from '@jest/globals';
import { Queue, type ConnectionOptions } from 'bullmq';
import { Redis } from 'ioredis';
import { DataSource } from 'typeorm';

import { ledgerDataSourceOptions } from '../../../src/index.js';
import { eventually } from '../../support/eventually.js';
import { startApplication } from './application-process.js';
import { countRecords } from './records.js';
import { beginAndEnd } from './sessions.js';
import type { Trail } from './trail.js';
import { useLedger } from './use-ledger.js';

/** Below the half minute that a container is given, on a machine that may be busy. */
const BOUND = 25_000;

describe('a shutdown', () => {
  const ground = useLedger();
  const redisServer = () => ground.redis.servers[0]!;

  const processOf = (trail: Trail) =>
    startApplication({
      redis: redisServer().url,
      database: trail.databaseUrl,
      prefix: trail.prefix,
    });

  it('records what has happened before it', async () => {
    const trail = await ground.open();
    const app = await trail.start();
    await beginAndEnd(app, 300);
    await app.close();
    expect(await countRecords(trail)).toEqual({ created: 300, destroyed: 300 });
  });

  it('leaves nothing behind that keeps the process alive', async () => {
    const trail = await ground.open();
    const app = await processOf(trail);
    await app.make(500);
    const { took, gone } = await app.close();
    expect(took).toBeLessThan(BOUND);
    expect(gone - took).toBeLessThan(2_000);
  });

  it.each<[what: string, happens: () => unknown, isOver: () => unknown]>([
    ['Redis is gone', () => redisServer().kill(), () => redisServer().restart()],
    ['Redis is frozen', () => redisServer().pause(), () => redisServer().resume()],
    ['Postgres is gone', () => ground.postgres.kill(), () => ground.postgres.restart()],
    ['Postgres is frozen', () => ground.postgres.pause(), () => ground.postgres.resume()],
  ])('is over in time where %s', async (_, happens, isOver) => {
    const trail = await ground.open();
    const app = await processOf(trail);
    await app.make(500); // jobs are at work now
    try {
      await happens();
      const { gone } = await app.close();
      expect(gone).toBeLessThan(BOUND);
    } finally {
      await isOver();
    }
  });

  it('closes its own connections, and leaves alone those that it was given', async () => {
    const trail = await ground.open();
    const client = new Redis(redisServer().url, { disconnectTimeout: 0 });
    const dataSource = new DataSource(ledgerDataSourceOptions(trail.databaseUrl));
    await dataSource.initialize();
    const inUse = async () => {
      const clients = String(await client.client('LIST'))
        .trim()
        .split('\n').length;
      const [row] = await dataSource.query<{ count: number }[]>(
        `SELECT count(*)::int FROM pg_stat_activity WHERE datname = current_database()`,
      );
      return { clients, connections: row!.count };
    };
    const before = await inUse();
    const own = await trail.start();
    const given = await trail.start({ redis: client, database: dataSource });
    await Promise.all([beginAndEnd(own, 50), beginAndEnd(given, 50)]);
    await Promise.all([own.close(), given.close()]);

    await eventually(async () => {
      const after = await inUse();
      expect(after.clients).toBe(before.clients);
      // The pool that it was given has grown, and keeps what it has.
      expect(after.connections).toBeLessThanOrEqual(before.connections + 10);
    });
    expect(await countRecords(trail)).toEqual({ created: 100, destroyed: 100 });
    await dataSource.destroy();
    await eventually(async () => {
      const [row] = await trail.rows<{ count: number }>(
        `SELECT count(*)::int FROM pg_stat_activity
         WHERE datname = current_database() AND pid <> pg_backend_pid()`,
      );
      expect(row!.count).toBeLessThanOrEqual(2); // the test's own
    });
    client.disconnect();
  });
});

describe('a process without a worker', () => {
  const ground = useLedger();

  it('runs no jobs; another process runs them', async () => {
    const trail = await ground.open();
    const web = await trail.start({ audit: { worker: false } });
    const connection = { url: ground.redis.servers[0]!.url, disconnectTimeout: 0 };
    const prefix = `{${trail.prefix}:jobs}`;
    const queue = new Queue('session-ledger', {
      connection: connection as ConnectionOptions,
      prefix,
    });
    await beginAndEnd(web, 20);
    await eventually(async () => expect(await queue.getWaitingCount()).toBeGreaterThan(0));
    expect(await queue.getWorkers()).toEqual([]);
    expect(await countRecords(trail)).toEqual({ created: 0, destroyed: 0 });

    await trail.start();
    await eventually(async () => {
      expect(await countRecords(trail)).toEqual({ created: 20, destroyed: 20 });
    });
    await queue.close();
  });

  it('needs no database at all', async () => {
    const trail = await ground.open();
    const web = await trail.start({ database: undefined, audit: { worker: false } });
    await beginAndEnd(web, 5);
    await expect(web.audit.verify()).rejects.toMatchObject({ code: 'ERR_SESSION_OPTIONS' });
    await web.close();
    await trail.start();
    await eventually(async () => expect((await countRecords(trail)).destroyed).toBe(5));
  });
});
