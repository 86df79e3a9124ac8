import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';

import { openRedis, type OpenedRedis, type RedisConnection } from '../../../src/store/connect.js';
import { Buckets } from '../../../src/store/buckets.js';
import { checkRedis } from '../../../src/store/startup-checks.js';
import { startFakeRedis } from '../../support/fake-redis.js';
import { projectRedis, type RedisUnderTest } from '../../support/redis-under-test.js';

const PATIENCE = 5000;

const opened: OpenedRedis[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map(({ close }) => close()));
});

let prefixes = 0;
const newPrefix = () => `start${++prefixes}`;

function check(
  connection: RedisConnection,
  checks: { prefix?: string; buckets?: number } = {},
  timeout = PATIENCE,
) {
  const connected = openRedis(connection, timeout);
  opened.push(connected);
  const { prefix = newPrefix(), buckets: count = 16 } = checks;
  const { client } = connected;
  return checkRedis(new Buckets({ client, prefix, count, timeout }));
}

describe('at the start, a Redis', () => {
  let redis: RedisUnderTest;
  beforeAll(async () => {
    redis = await projectRedis();
  });
  afterAll(() => redis.stop());
  const unsuitable = (message: RegExp) => ({
    code: 'ERR_SESSION_REDIS_UNSUITABLE',
    message: expect.stringMatching(message),
  });

  test('that is as it should be is accepted, again and again', async () => {
    const prefix = newPrefix();
    await check(redis.connection, { prefix });
    await check(redis.connection, { prefix });
  });

  test('is accepted by many processes that start at once', async () => {
    const prefix = newPrefix();
    await Promise.all(Array.from({ length: 10 }, () => check(redis.connection, { prefix })));
  });

  test.each(['allkeys-lru', 'volatile-lru', 'volatile-ttl', 'allkeys-random'])(
    'that may evict keys (%s) is rejected, whichever node it is',
    async (policy) => {
      const node = redis.nodes.at(-1)!;
      await node.config('SET', 'maxmemory-policy', policy);
      try {
        await expect(check(redis.connection)).rejects.toMatchObject(
          unsuitable(new RegExp(`maxmemory-policy is ${policy}`)),
        );
      } finally {
        await node.config('SET', 'maxmemory-policy', 'noeviction');
      }
    },
  );

  test('whose sessions lie in another number of buckets is refused', async () => {
    const prefix = newPrefix();
    await check(redis.connection, { prefix, buckets: 16 });
    await expect(check(redis.connection, { prefix, buckets: 32 })).rejects.toMatchObject(
      unsuitable(/in 16 buckets, and the option `buckets` is 32/),
    );
    await check(redis.connection, { buckets: 32 });
  });

  test('whose sessions have another layout is refused', async () => {
    const prefix = newPrefix();
    await check(redis.connection, { prefix });
    const { client } = openRedis(redis.connection, PATIENCE);
    await client.hset(`${prefix}:meta`, 'layout', '99');
    client.disconnect();
    await expect(check(redis.connection, { prefix })).rejects.toMatchObject(
      unsuitable(/have layout 99; this version writes layout 1/),
    );
  });

  test('behind a client with a keyPrefix is refused, as scripts would not see it', async () => {
    const keyPrefix = 'app:';
    const nodes = redis.servers.map(({ port }) => ({ port }));
    const connection: RedisConnection =
      nodes.length > 1
        ? { nodes, lazyConnect: true, redisOptions: { keyPrefix } }
        : { ...nodes[0], lazyConnect: true, keyPrefix };
    await expect(check(connection)).rejects.toMatchObject({
      code: 'ERR_SESSION_OPTIONS',
      message: expect.stringContaining('keyPrefix'),
    });
  });

  test('that is given as a live client is checked just the same', async () => {
    const { client } = openRedis(redis.connection, PATIENCE);
    await check(client);
    client.disconnect();
  });
});

describe('at the start, a Redis Cluster', () => {
  test.each(['slave', 'all'] as const)(
    'whose client reads from replicas (%s) is refused: they learn of an end too late',
    async (scaleReads) => {
      const connection = { nodes: [{ port: 1 }], lazyConnect: true, scaleReads };
      await expect(check(connection)).rejects.toMatchObject({
        code: 'ERR_SESSION_OPTIONS',
        message: expect.stringContaining('scaleReads'),
      });
    },
  );
});

describe('at the start, a server', () => {
  test.each([
    ['5.0.14', false],
    ['6.2.18', false],
    ['7.0.0', true],
    ['7.4.1', true],
    ['8.2.0', true],
    ['10.0.0', true],
  ])('of version %s is accepted: %s', async (version, isAccepted) => {
    const server = await startFakeRedis({ redis_version: version, maxmemory_policy: 'noeviction' });
    const failure = await check(server.url).catch((error: unknown) => error);
    if (isAccepted) expect(failure).toBeUndefined();
    else {
      expect(failure).toMatchObject({
        code: 'ERR_SESSION_REDIS_UNSUITABLE',
        message: expect.stringContaining(`version ${version}`),
      });
    }
    await server.stop();
  });

  test('that is not there is an error of its own, within the bound', async () => {
    const begun = performance.now();
    await expect(check('redis://127.0.0.1:1', {}, 300)).rejects.toMatchObject({
      code: 'ERR_SESSION_REDIS_UNAVAILABLE',
    });
    expect(performance.now() - begun).toBeLessThan(4000);
  });
});
