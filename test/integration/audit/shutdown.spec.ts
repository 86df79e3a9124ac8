import { describe, expect, it } from '@jest/globals';
import { Queue, type ConnectionOptions } from 'bullmq';
import { Redis } from 'ioredis';
import { DataSource } from 'typeorm';

import { ledgerDataSourceOptions } from '../../../src/index.js';
import { eventually } from '../../support/eventually.js';
import { startApplication } from './application-process.js';
import { countRecords } from './records.js';
import { createAndDestroySessions } from './sessions.js';
import type { Trail } from '../../support/trail.js';
import { useLedger } from '../../support/use-ledger.js';

/** Longest shutdown (ms): less than the 30 s that container platforms grant by default. */
const SHUTDOWN_LIMIT = 25_000;

describe('Shutdown', () => {
  const fixture = useLedger();
  const redisServer = () => fixture.redis.servers[0]!;

  const startApp = (trail: Trail) =>
    startApplication({
      redis: redisServer().url,
      database: trail.databaseUrl,
      prefix: trail.prefix,
    });

  it('shutdown records all earlier events', async () => {
    const trail = await fixture.open();
    const app = await trail.start();
    await createAndDestroySessions(app, 300);
    await app.close();
    expect(await countRecords(trail)).toEqual({ created: 300, destroyed: 300 });
  });

  it('shutdown leaves nothing behind that keeps the process alive', async () => {
    const trail = await fixture.open();
    const app = await startApp(trail);
    await app.createEvents(500);
    const { closed, exited } = await app.close();
    expect(closed).toBeLessThan(SHUTDOWN_LIMIT);
    expect(exited - closed).toBeLessThan(2_000);
  });

  it.each<[failure: string, cause: () => unknown, resolve: () => unknown]>([
    ['Redis is down', () => redisServer().kill(), () => redisServer().restart()],
    ['Redis is frozen', () => redisServer().pause(), () => redisServer().resume()],
    ['Postgres is down', () => fixture.postgres.kill(), () => fixture.postgres.restart()],
    ['Postgres is frozen', () => fixture.postgres.pause(), () => fixture.postgres.resume()],
  ])('shutdown finishes in time if %s', async (_, cause, resolve) => {
    const trail = await fixture.open();
    const app = await startApp(trail);
    await app.createEvents(500); // so that jobs are running
    try {
      await cause();
      const { exited } = await app.close();
      expect(exited).toBeLessThan(SHUTDOWN_LIMIT);
    } finally {
      await resolve();
    }
  });

  it('shutdown closes the connections that the module opened, but not those passed to it', async () => {
    const trail = await fixture.open();
    const client = new Redis(redisServer().url, { disconnectTimeout: 0 });
    const dataSource = new DataSource(ledgerDataSourceOptions(trail.databaseUrl));
    await dataSource.initialize();
    const countConnections = async () => {
      const clients = String(await client.client('LIST'))
        .trim()
        .split('\n').length;
      const [row] = await dataSource.query<{ count: number }[]>(
        `SELECT count(*)::int FROM pg_stat_activity WHERE datname = current_database()`,
      );
      return { clients, connections: row!.count };
    };
    const before = await countConnections();
    const own = await trail.start();
    const shared = await trail.start({ redis: client, database: dataSource });
    await Promise.all([createAndDestroySessions(own, 50), createAndDestroySessions(shared, 50)]);
    await Promise.all([own.close(), shared.close()]);

    await eventually(async () => {
      const after = await countConnections();
      expect(after.clients).toBe(before.clients);
      // The shared pool opened more connections while in use, and they stay open.
      expect(after.connections).toBeLessThanOrEqual(before.connections + 10);
    });
    expect(await countRecords(trail)).toEqual({ created: 100, destroyed: 100 });
    await dataSource.destroy();
    await eventually(async () => {
      const [row] = await trail.rows<{ count: number }>(
        `SELECT count(*)::int FROM pg_stat_activity
         WHERE datname = current_database() AND pid <> pg_backend_pid()`,
      );
      expect(row!.count).toBeLessThanOrEqual(2); // the connections of the test itself
    });
    client.disconnect();
  });
});

describe('audit.worker: false', () => {
  const fixture = useLedger();

  it('a process without a worker leaves its jobs to another process', async () => {
    const trail = await fixture.open();
    const web = await trail.start({ audit: { worker: false } });
    const connection = { url: fixture.redis.servers[0]!.url, disconnectTimeout: 0 };
    const prefix = `{${trail.prefix}:jobs}`;
    const queue = new Queue('session-ledger', {
      connection: connection as ConnectionOptions,
      prefix,
    });
    await createAndDestroySessions(web, 20);
    await eventually(async () => expect(await queue.getWaitingCount()).toBeGreaterThan(0));
    expect(await queue.getWorkers()).toEqual([]);
    expect(await countRecords(trail)).toEqual({ created: 0, destroyed: 0 });

    await trail.start();
    await eventually(async () => {
      expect(await countRecords(trail)).toEqual({ created: 20, destroyed: 20 });
    });
    await queue.close();
  });

  it('a process without a worker needs no database', async () => {
    const trail = await fixture.open();
    const web = await trail.start({ database: undefined, audit: { worker: false } });
    await createAndDestroySessions(web, 5);
    await expect(web.audit.verify()).rejects.toMatchObject({ code: 'ERR_SESSION_OPTIONS' });
    await web.close();
    await trail.start();
    await eventually(async () => expect((await countRecords(trail)).destroyed).toBe(5));
  });
});
