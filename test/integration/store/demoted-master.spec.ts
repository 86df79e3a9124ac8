import { rm } from 'node:fs/promises';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, describe, expect, test } from '@jest/globals';
import { Redis } from 'ioredis';

import { startRedis, startRedisCluster, type PrivateServer } from '../../../dev/index.js';
import type { RedisConnection } from '../../../src/store/connect.js';
import { openApplication, type Application } from '../../support/application.js';
import { eventually } from '../../support/eventually.js';
import { lossyProxy } from '../../support/lossy-proxy.js';
import type { RedisUnderTest } from '../../support/redis-under-test.js';

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp();
});

function open(connection: RedisConnection): Application {
  const app = openApplication({} as RedisUnderTest, {
    connection,
    timeout: 500,
    prefix: 'failover',
  });
  cleanUps.push(() => app.close());
  return app;
}

async function start(config: Record<string, string> = {}): Promise<PrivateServer> {
  const server = await startRedis({ config: { 'repl-diskless-sync-delay': '0', ...config } });
  cleanUps.push(() => server.stop());
  return server;
}

function connect({ url }: Pick<PrivateServer, 'url'>): Redis {
  const client = new Redis(url, { disconnectTimeout: 0 });
  client.on('error', () => undefined); // of a server that the test stops
  cleanUps.push(() => client.disconnect());
  return client;
}

/** The reads of a session's state. None may answer from a server that isn't the master. */
const readsOf = (app: Application, id: string, handle: string) => ({
  validateSession: () => app.service.validateSession(id),
  getSession: () => app.service.getSession(id),
  listUserSessions: () => app.service.listUserSessions('ada'),
  'a batch of reads': () =>
    Promise.all([app.service.validateSession(id), app.service.validateSession(id)]),
  'the poll of open sockets': async () => {
    const [alive] = await app.service.areAlive([handle]);
    if (alive === undefined) throw Object.assign(new Error(), UNAVAILABLE);
    return alive;
  },
});
const READS = [
  'validateSession',
  'getSession',
  'listUserSessions',
  'a batch of reads',
  'the poll of open sockets',
] as const;

const UNAVAILABLE = { code: 'ERR_SESSION_REDIS_UNAVAILABLE' };

describe('a master that was demoted behind a proxy or DNS', () => {
  test.each([
    ['a client of the module', (url: string) => url],
    ['a given client', (url: string) => connect({ url })],
  ])(
    'a demoted master is left within a second, so sessions ended on the new master are not valid: %s',
    async (_, connection) => {
      const oldMaster = await start();
      const newMaster = await start({ replicaof: `127.0.0.1 ${oldMaster.port}` });
      const proxy = await lossyProxy(oldMaster.port);
      cleanUps.push(() => proxy.close());
      const app = open(connection(proxy.url));
      const elsewhere = open({ port: newMaster.port });
      const session = await app.service.createSession({ userId: 'ada' });
      await eventually(async () => expect(await connect(oldMaster).wait(1, 1_000)).toBe(1));

      await connect(newMaster).replicaof('NO', 'ONE');
      await connect(oldMaster).replicaof('127.0.0.1', '1'); // nothing listens there, so it keeps its data
      proxy.redirectTo(newMaster.port);
      await elsewhere.service.destroySession(session.id);
      await eventually(
        async () => expect(await app.service.validateSession(session.id)).toBeNull(),
        2_000,
      );
      await expect(app.service.createSession({ userId: 'bob' })).resolves.toBeDefined();
    },
  );

  test.each(READS)(
    'while an address still leads to a demoted master, %s fails at once and never answers',
    async (read) => {
      const server = await start();
      // A given client, which nothing reconnects at the first READONLY.
      const app = open(connect(server));
      const { id, handle } = await app.service.createSession({ userId: 'ada' });
      const call = readsOf(app, id, handle)[read];
      await expect(call()).resolves.toBeDefined();

      await connect(server).replicaof('127.0.0.1', '1');
      for (let attempt = 0; attempt < 20; attempt += 1) {
        await expect(call()).rejects.toMatchObject(UNAVAILABLE);
      }
    },
  );
});

describe('a master that was demoted in a Cluster', () => {
  test('an ordered failover loses no answered change, and its old master is not believed', async () => {
    const cluster = await startRedisCluster({ masters: 3, replicas: 1 });
    cleanUps.push(() => cluster.stop());
    const nodes = cluster.nodes.map(({ port }) => ({ host: '127.0.0.1', port }));
    const [app, elsewhere] = [open({ nodes }), open({ nodes })];
    const created: string[] = [];
    const ended: string[] = [];
    const believed: string[] = [];
    const stopping = new AbortController();
    const work = async (userId: string) => {
      created.push((await app.service.createSession({ userId })).id);
      const { id } = await app.service.createSession({ userId });
      await elsewhere.service.destroySession(id);
      ended.push(id);
      if (await app.service.validateSession(id)) believed.push(id);
    };
    const call = async (n: number) => {
      for (let turn = 0; !stopping.signal.aborted; turn += 1) {
        await work(`user ${n} ${turn}`).catch(() => undefined); // a node is being replaced
      }
    };
    const calls = Promise.all([1, 2, 3, 4].map(call));
    const progress = async () => {
      const before = created.length;
      await eventually(async () => expect(created.length).toBeGreaterThan(before + 40));
    };
    await progress();
    for (const replica of cluster.nodes.slice(3)) {
      const node = connect(replica);
      await node.cluster('FAILOVER');
      await eventually(async () => expect((await node.role())[0]).toBe('master'));
      await progress();
    }
    stopping.abort();
    await calls;
    expect(believed).toEqual([]);
    const isValid = async (id: string) => (await elsewhere.service.validateSession(id)) !== null;
    for (const id of created) expect(await isValid(id)).toBe(true);
    for (const id of ended) expect(await isValid(id)).toBe(false);
  }, 60_000);
});

describe('a master that is cut off from its replicas', () => {
  test.each(READS)(
    'with min-replicas-to-write, %s fails on a master without replicas, which may have been replaced',
    async (read) => {
      const master = await start({ 'min-replicas-to-write': '1' });
      const replica = await start({ replicaof: `127.0.0.1 ${master.port}` });
      const app = open(master.url);
      const { id, handle } = await eventually(() => app.service.createSession({ userId: 'ada' }));
      const call = readsOf(app, id, handle)[read];
      await expect(call()).resolves.toBeDefined();

      await connect(replica).replicaof('NO', 'ONE');
      await eventually(() => expect(call()).rejects.toMatchObject(UNAVAILABLE), 2_000);
      for (let attempt = 0; attempt < 20; attempt += 1) {
        await expect(call()).rejects.toMatchObject(UNAVAILABLE);
      }
    },
  );
});

describe('a Redis that cannot write to its disk', () => {
  test('reads go on, although Redis rejects all writes', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'nest-session-ledger-full-disk-'));
    cleanUps.push(() => rm(dir, { recursive: true, force: true }));
    const server = await startRedis({ dir, config: { save: '3600 1000000' } });
    cleanUps.push(() => server.stop());
    cleanUps.push(() => server.kill()); // it refuses to shut down without having saved
    const admin = connect(server);
    const app = open(server.url);
    const { id, handle } = await app.service.createSession({ userId: 'ada' });
    await rm(join(dir, 'data'), { recursive: true });
    await admin.bgsave();
    await eventually(async () =>
      expect(await admin.info('persistence')).toContain('rdb_last_bgsave_status:err'),
    );

    await expect(app.service.createSession({ userId: 'bob' })).rejects.toMatchObject(UNAVAILABLE);
    const reads = readsOf(app, id, handle);
    expect(await reads.validateSession()).toEqual({ id: 'ada' });
    expect(await reads['a batch of reads']()).toEqual([{ id: 'ada' }, { id: 'ada' }]);
    expect(await reads.listUserSessions()).toMatchObject([{ handle }]);
    expect(await reads['the poll of open sockets']()).toBe(true);

    await admin.replicaof('127.0.0.1', '1');
    for (const read of READS) await expect(reads[read]()).rejects.toMatchObject(UNAVAILABLE);
  });
});
