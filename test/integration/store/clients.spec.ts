import { afterAll, describe, expect, test } from '@jest/globals';
import { Cluster, Redis } from 'ioredis';

import { startRedisCluster } from '../../../dev/index.js';
import { isClient, openRedis, type RedisClusterConnection } from '../../../src/store/connect.js';
import { bucketOf, generateSessionId } from '../../../src/store/session-id.js';
import { HOUR } from '../../support/durations.js';
import { eventually } from '../../support/eventually.js';
import { letTimePass } from '../../support/move-time.js';
import { readOutbox } from '../../support/outbox.js';
import { redisCluster, serverOfKey } from '../../support/redis-under-test.js';
import { useRedis, type RedisFixture } from '../../support/use-redis.js';

/** How many times each node has run a command. */
function runCounts({ redis }: RedisFixture, command: string): Promise<number[]> {
  const counts = redis.nodes.map(async (node) => {
    const info = await node.info('commandstats');
    return Number(new RegExp(`cmdstat_${command}:calls=(\\d+)`).exec(info)?.[1] ?? 0);
  });
  return Promise.all(counts);
}

describe('the connection to Redis', () => {
  const clients: Redis[] = [];
  afterAll(() => clients.forEach((client) => client.disconnect()));
  const fixture = useRedis();

  test('an opened connection is closed at shutdown, a given client stays open', async () => {
    const { url, port } = fixture.redis.servers[0]!;
    for (const connection of [url, { port }]) {
      const { client, close } = openRedis(connection, 500);
      expect(await client.ping()).toBe('PONG');
      await close();
      await eventually(async () => expect(client.status).toBe('end'));
    }
    const live = new Redis(url);
    clients.push(live);
    const { client, close } = openRedis(live, 500);
    expect(client).toBe(live);
    await close();
    expect(await live.ping()).toBe('PONG');

    const app = fixture.open();
    await app.service.createSession({ userId: 'ada' });
  });

  test('a client of another copy of ioredis is recognized', () => {
    const foreign = { evalsha: () => undefined, duplicate: () => undefined };
    expect(isClient(foreign as unknown as Redis)).toBe(true);
    expect(isClient({ host: '127.0.0.1' })).toBe(false);
    expect(isClient({ nodes: [] })).toBe(false);
    expect(isClient('redis://127.0.0.1')).toBe(false);
  });

  test('long operations work with a client that returns numbers as strings', async () => {
    const connection = new Redis(fixture.redis.servers[0]!.url, { stringNumbers: true });
    clients.push(connection);
    const app = fixture.open({ connection, buckets: 1 });
    for (const userId of ['ada', 'bob']) {
      await Promise.all(
        Array.from({ length: 700 }, () => app.service.createSession({ userId, expires: HOUR })),
      );
    }
    await app.service.invalidateAllUserSessions('ada');
    expect(await app.service.listUserSessions('ada')).toEqual([]);
    await letTimePass(app, 2 * HOUR);
    await app.upkeep.sweepAll();
    expect(await readOutbox(app)).toHaveLength(2 * 1400);
  });

  test('reads of one event loop turn are batched, and each gets its own answer', async () => {
    const app = fixture.open();
    const sessions = await Promise.all(
      Array.from({ length: 600 }, (_, n) => app.service.createSession({ userId: `user ${n}` })),
    );
    const ids = sessions.flatMap(({ id }) => [id, generateSessionId(0)]);
    const [before] = await runCounts(fixture, 'mget');
    const users = await Promise.all(ids.map((id) => app.service.validateSession(id)));
    const [after] = await runCounts(fixture, 'mget');
    expect(users).toEqual(sessions.flatMap(({ userId }) => [{ id: userId }, null]));
    expect(after! - before!).toBeLessThan(10);
  });

  test('an invalid record in a batch of reads fails only its own read', async () => {
    const app = fixture.open();
    const ada = await app.service.createSession({ userId: 'ada' });
    const bob = await app.service.createSession({ userId: 'bob' });
    const key = app.buckets.keysOf(bucketOf('ada', 16)).session(ada.handle.slice(2));
    const record = (await app.client.getBuffer(key))!;
    await app.client.set(key, 'foreign', 'KEEPTTL');
    const [ofAda, ofBob] = await Promise.allSettled([
      app.service.validateSession(ada.id),
      app.service.validateSession(bob.id),
    ]);
    expect(ofAda).toMatchObject({ reason: { code: 'ERR_SESSION_REDIS_REFUSED' } });
    expect(ofBob).toEqual({ status: 'fulfilled', value: { id: 'bob' } });
    await app.client.set(key, record, 'KEEPTTL');
  });
});

/** A replica counts as one that has replicated something as soon as its master has pinged it (s). */
const FREQUENT_PINGS = { 'repl-ping-replica-period': '1' };

/** A node doesn't list a replica before it knows that it has replicated something. */
async function untilReplicasAreListed(urls: string[]): Promise<void> {
  for (const url of urls) {
    const node = new Redis(url, { disconnectTimeout: 0 });
    await eventually(async () => {
      const ranges = (await node.cluster('SLOTS')) as unknown[][];
      expect(ranges.map((range) => range.length)).toEqual([4, 4, 4]);
    }, 20_000);
    node.disconnect();
  }
}

describe('a connection to a Redis Cluster with replicas', () => {
  // If ioredis has lost its connections to all masters, it sends commands to a replica. See
  // `cluster-nodes.ts`.
  test.each([
    ['its own client', (nodes: RedisClusterConnection['nodes']) => ({ nodes })],
    ['a live client', (nodes: RedisClusterConnection['nodes']) => new Cluster(nodes)],
  ])('a replica is never believed: %s', async (_, connect) => {
    const cluster = await startRedisCluster({ replicas: 1, config: FREQUENT_PINGS });
    await untilReplicasAreListed(cluster.urls);
    const connection = connect(cluster.nodes.map(({ port }) => ({ host: '127.0.0.1', port })));
    if (connection instanceof Cluster) {
      await connection.set('key', 'value');
      await eventually(() => Promise.all(connection.nodes('slave').map((node) => node.ping())));
    }
    const opened = openRedis(connection, 5_000);
    const client = opened.client as Cluster;
    try {
      await client.set('key', 'value');
      const replicas = client.nodes('slave');
      expect(replicas).toHaveLength(3);
      for (const replica of replicas) await expect(replica.get('key')).rejects.toThrow(/^MOVED/);
    } finally {
      await opened.close();
      client.disconnect();
      await cluster.stop();
    }
  });
});

describe('a connection to a Redis Cluster', () => {
  const fixture = useRedis(redisCluster);

  // Each node has its own clock. If another node's time were the cutoff of a log-out everywhere, the
  // latest sessions could be spared.
  test("a session's expiry is decided by the clock of its own node", async () => {
    const app = fixture.open({ idleTimeout: HOUR });
    await app.service.createSession({ userId: 'warm up' }); // ioredis discovers the nodes
    const userId = 'ada';
    const { outbox } = app.buckets.keysOf(bucketOf(userId, app.buckets.count));
    const owner = await serverOfKey(fixture.redis, outbox);
    for (const node of fixture.redis.nodes) await node.config('RESETSTAT');

    const { id } = await app.service.createSession({ userId });
    await app.service.validateSession(id);
    await app.service.updateSessionData(id, { a: 1 });
    await app.service.rotateSession(id);
    await app.service.invalidateAllUserSessions(userId);
    const counts = await runCounts(fixture, 'time');
    expect(counts.map((count) => count > 0)).toEqual(counts.map((_, n) => n === owner));
  });
});
