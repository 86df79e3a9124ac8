import { afterEach, describe, expect, test } from '@jest/globals';
import { Redis } from 'ioredis';

import { startRedis } from '../../../dev/index.js';
import { openRedis, type OpenedRedis, type RedisConnection } from '../../../src/store/connect.js';
import { Buckets } from '../../../src/store/buckets.js';
import { checkRedis } from '../../../src/store/startup-checks.js';
import { eventually } from '../../support/eventually.js';
import { startFakeRedis } from '../../support/fake-redis.js';
import { useServers } from '../../support/use-servers.js';

/** Long enough for a busy machine (ms). */
const TIMEOUT = 5000;

const opened: OpenedRedis[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map(({ close }) => close()));
});

let prefixes = 0;
const newPrefix = () => `start${++prefixes}`;

function check(
  connection: RedisConnection,
  checks: { prefix?: string; buckets?: number } = {},
  timeout = TIMEOUT,
) {
  const connected = openRedis(connection, timeout);
  opened.push(connected);
  const { prefix = newPrefix(), buckets: count = 16 } = checks;
  const { client } = connected;
  return checkRedis(new Buckets({ client, prefix, count, timeout }));
}

describe('startup checks of a Redis', () => {
  const servers = useServers();
  const unsuitable = (message: RegExp) => ({
    code: 'ERR_SESSION_REDIS_UNSUITABLE',
    message: expect.stringMatching(message),
  });

  test('a suitable Redis is accepted, also by later starts', async () => {
    const prefix = newPrefix();
    await check(servers.redis.connection, { prefix });
    await check(servers.redis.connection, { prefix });
  });

  test('many processes can start at the same time', async () => {
    const prefix = newPrefix();
    await Promise.all(
      Array.from({ length: 10 }, () => check(servers.redis.connection, { prefix })),
    );
  });

  test.each(['allkeys-lru', 'volatile-lru', 'volatile-ttl', 'allkeys-random'])(
    'a Redis of which any node may evict keys (%s) is rejected',
    async (policy) => {
      const node = servers.redis.nodes.at(-1)!;
      await node.config('SET', 'maxmemory-policy', policy);
      try {
        await expect(check(servers.redis.connection)).rejects.toMatchObject(
          unsuitable(new RegExp(`maxmemory-policy is ${policy}`)),
        );
      } finally {
        await node.config('SET', 'maxmemory-policy', 'noeviction');
      }
    },
  );

  test('a Redis with sessions in a different number of buckets is rejected', async () => {
    const prefix = newPrefix();
    await check(servers.redis.connection, { prefix, buckets: 16 });
    await expect(check(servers.redis.connection, { prefix, buckets: 32 })).rejects.toMatchObject(
      unsuitable(/in 16 buckets, and the option `buckets` is 32/),
    );
    await check(servers.redis.connection, { buckets: 32 });
  });

  test('a Redis with sessions of a different layout is rejected', async () => {
    const prefix = newPrefix();
    await check(servers.redis.connection, { prefix });
    const { client } = openRedis(servers.redis.connection, TIMEOUT);
    await client.hset(`${prefix}:meta`, 'layout', '99');
    client.disconnect();
    await expect(check(servers.redis.connection, { prefix })).rejects.toMatchObject(
      unsuitable(/have layout 99; this version writes layout 2/),
    );
  });

  test('a client with a keyPrefix is rejected, because scripts would ignore it', async () => {
    const keyPrefix = 'app:';
    const nodes = servers.redis.servers.map(({ port }) => ({ port }));
    const connection: RedisConnection =
      nodes.length > 1
        ? { nodes, lazyConnect: true, redisOptions: { keyPrefix } }
        : { ...nodes[0], lazyConnect: true, keyPrefix };
    await expect(check(connection)).rejects.toMatchObject({
      code: 'ERR_SESSION_OPTIONS',
      message: expect.stringContaining('keyPrefix'),
    });
  });

  test('a live client is checked in the same way', async () => {
    const { client } = openRedis(servers.redis.connection, TIMEOUT);
    await check(client);
    client.disconnect();
  });
});

describe('startup checks of a Redis with replicas', () => {
  test.each([
    ['0', true],
    ['1', false],
  ])('min-replicas-to-write %s is warned of: %s', async (minReplicas, isWarned) => {
    const master = await startRedis({
      config: { 'repl-diskless-sync-delay': '0', appendonly: 'yes' },
    });
    const admin = new Redis(master.url, { disconnectTimeout: 0 });
    expect(await check(master.url)).toEqual([]); // no replica yet: nothing to warn of
    const replica = await startRedis({ config: { replicaof: `127.0.0.1 ${master.port}` } });
    try {
      await admin.config('SET', 'min-replicas-to-write', minReplicas);
      await eventually(async () => expect(await admin.wait(1, 1_000)).toBe(1));
      const warnings = await eventually(() => check(master.url));
      expect(warnings).toEqual(
        isWarned ? [expect.stringContaining('min-replicas-to-write is 0')] : [],
      );
    } finally {
      admin.disconnect();
      await Promise.all([master.stop(), replica.stop()]);
    }
  });
});

describe('startup checks of what a client does after a lost connection', () => {
  const servers = useServers();

  test.each([
    ['() => null', () => null],
    ['null', null],
  ])(
    'a client that never reconnects (%s) is rejected by the name of its option',
    async (_, strategy) => {
      const nodes = servers.redis.servers.map(({ port }) => ({ port }));
      const isCluster = nodes.length > 1;
      const options = { retryStrategy: strategy, disconnectTimeout: 0 };
      // ioredis allows null for a single server only, and treats it like a function that returns null.
      const connections: RedisConnection[] = isCluster
        ? [{ nodes, clusterRetryStrategy: () => null }]
        : [{ ...nodes[0], ...options }, new Redis({ ...nodes[0], ...options })];
      for (const connection of connections) {
        await expect(check(connection)).rejects.toMatchObject({
          code: 'ERR_SESSION_OPTIONS',
          message: expect.stringContaining(
            isCluster ? '`clusterRetryStrategy`' : '`retryStrategy`',
          ),
        });
        if (connection instanceof Redis) connection.disconnect();
      }
    },
  );
});

describe('startup checks of a Cluster client', () => {
  test.each(['slave', 'all'] as const)(
    'a Cluster client that reads from replicas (%s) is rejected, because replicas lag',
    async (scaleReads) => {
      const connection = { nodes: [{ port: 1 }], lazyConnect: true, scaleReads };
      await expect(check(connection)).rejects.toMatchObject({
        code: 'ERR_SESSION_OPTIONS',
        message: expect.stringContaining('scaleReads'),
      });
    },
  );

  test('a Cluster client with auto-pipelining is rejected, because it misses keys of a moving slot', async () => {
    const nodes = [{ port: 1 }];
    const connection = { nodes, lazyConnect: true, enableAutoPipelining: true };
    await expect(check(connection)).rejects.toMatchObject({
      code: 'ERR_SESSION_OPTIONS',
      message: expect.stringContaining('enableAutoPipelining'),
    });
  });
});

describe('startup checks of the version and the connection', () => {
  test.each([
    ['5.0.14', false],
    ['6.2.18', false],
    ['7.0.0', true],
    ['7.4.1', true],
    ['8.2.0', true],
    ['10.0.0', true],
  ])('version %s is accepted: %s', async (version, isAccepted) => {
    const server = await startFakeRedis({ redis_version: version, maxmemory_policy: 'noeviction' });
    const failure = await check(server.url).catch((error: unknown) => error);
    if (isAccepted) expect(failure).toEqual([]);
    else {
      expect(failure).toMatchObject({
        code: 'ERR_SESSION_REDIS_UNSUITABLE',
        message: expect.stringContaining(`version ${version}`),
      });
    }
    await server.stop();
  });

  test('an unreachable server is reported as unavailable within the timeout', async () => {
    const start = performance.now();
    await expect(check('redis://127.0.0.1:1', {}, 300)).rejects.toMatchObject({
      code: 'ERR_SESSION_REDIS_UNAVAILABLE',
    });
    expect(performance.now() - start).toBeLessThan(4000);
  });
});
