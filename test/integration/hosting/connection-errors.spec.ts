import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';

import { startRedis, startRedisCluster, type PrivateServer } from '../../../dev/index.js';
import { Buckets } from '../../../src/store/buckets.js';
import { openRedis, type OpenedRedis, type RedisConnection } from '../../../src/store/connect.js';
import { checkRedis } from '../../../src/store/startup-checks.js';
import { startTlsRedis, type TlsRedis } from '../../support/tls-redis.js';
import { eventually } from '../../support/eventually.js';

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp();
});

async function startedRedis(config: Record<string, string>): Promise<PrivateServer> {
  const server = await startRedis({ config });
  cleanUps.push(() => server.stop());
  return server;
}

function open(connection: RedisConnection): OpenedRedis {
  const opened = openRedis(connection, 500);
  cleanUps.push(() => opened.close());
  return opened;
}

function bucketsOf({ client }: OpenedRedis): Buckets {
  return new Buckets({ client, prefix: 'sess', count: 16, timeout: 500 });
}

/** @param timeout long enough for a busy machine (ms) */
async function start(connection: RedisConnection, timeout = 5_000): Promise<string[]> {
  return checkRedis(bucketsOf(open(connection)), timeout);
}

const unavailable = (message: RegExp) => ({
  code: 'ERR_SESSION_REDIS_UNAVAILABLE',
  message: expect.stringMatching(message),
});

describe('The error of a start that reaches no Redis', () => {
  let tls: TlsRedis;
  beforeAll(async () => void (tls = await startTlsRedis()));
  afterAll(() => tls.stop());

  it.each<[string, () => RedisConnection, RegExp]>([
    ['a refused connection', () => 'redis://127.0.0.1:1', /ECONNREFUSED 127\.0\.0\.1:1\. Start it/],
    ['an unknown host', () => 'redis://redis.invalid:6379', /redis\.invalid.*Check the host name/],
    [
      'a certificate of an unknown CA',
      () => `rediss://127.0.0.1:${tls.tlsPort}`,
      /127\.0\.0\.1:\d+: self-signed certificate.*`tls: { ca }`/,
    ],
    [
      'a certificate for another name',
      () => ({
        host: '127.0.0.1',
        port: tls.tlsPort,
        tls: { ca: tls.ca, servername: 'redis.example' },
      }),
      /altnames.*The certificate is for another name/,
    ],
    [
      'a TLS port that is spoken to in plain text',
      () => `redis://127.0.0.1:${tls.tlsPort}`,
      /127\.0\.0\.1:\d+: the server closed the connection before it answered.*use rediss:\/\//,
    ],
    [
      'a plain-text port that is spoken to in TLS',
      () => `rediss://127.0.0.1:${tls.plain.port}`,
      /127\.0\.0\.1:\d+: no TLS connection: .*ETIMEDOUT.*use redis:\/\//,
    ],
    ['a missing socket', () => '/tmp/no-redis.sock', /ENOENT \/tmp\/no-redis\.sock/],
    [
      'nodes of a Cluster that are down',
      () => ({ nodes: [{ host: '127.0.0.1', port: 1 }] }),
      /127\.0\.0\.1:1/,
    ],
    [
      'a Cluster client for a single server',
      () => ({ nodes: [{ host: '127.0.0.1', port: tls.plain.port }] }),
      /cluster support disabled.*instead of `nodes`/,
    ],
  ])('names the cause and the address of %s', async (_, connection, message) => {
    await expect(start(connection(), 2_500)).rejects.toMatchObject(unavailable(message));
  });

  it('says that a password is missing or wrong', async () => {
    const { url, port } = await startedRedis({ requirepass: 'right' });
    await expect(start(url)).rejects.toMatchObject(unavailable(/NOAUTH.*wants a password/));
    await expect(start(`redis://:wrong@127.0.0.1:${port}`)).rejects.toMatchObject(
      unavailable(/WRONGPASS.*Check the user and the password/),
    );
  });

  it('names a server that has all the connections it can have', async () => {
    const { url } = await startedRedis({ maxclients: '1' });
    const other = new Redis(url, { disconnectTimeout: 0 });
    cleanUps.push(() => other.disconnect());
    await other.ping();
    await expect(start(url, 1_000)).rejects.toMatchObject(
      unavailable(/max number of clients reached.*Raise `maxclients`/),
    );
  });

  it.each(['mysql', 'http', 'postgres', 'amqp'])('refuses %s:// by name', (scheme) => {
    expect(() => open(`${scheme}://user:s3cret@127.0.0.1/`)).toThrow(
      expect.objectContaining({
        code: 'ERR_SESSION_OPTIONS',
        message: `The option \`redis\` starts with ${scheme}://, and Redis's URLs start with redis:// or rediss://.`,
      }),
    );
  });

  it.each([
    ['99', /rejected database 99.*DB index is out of range/],
    ['first', /not a number/],
  ])('refuses the database %s, which ioredis replaces by 0', async (db, message) => {
    await expect(start(`${tls.plain.url}/${db}`)).rejects.toMatchObject({
      code: 'ERR_SESSION_OPTIONS',
      message: expect.stringMatching(message),
    });
  });
});

describe('The error of a call whose Redis has gone', () => {
  it('names the cause and the address, until Redis is back', async () => {
    const server = await startedRedis({ appendonly: 'yes' });
    const opened = open(server.url);
    const buckets = bucketsOf(opened);
    await checkRedis(buckets);
    await server.kill();
    await eventually(() =>
      expect(buckets.reads.get('sess:{0}:p')).rejects.toMatchObject(
        unavailable(new RegExp(`ECONNREFUSED 127.0.0.1:${server.port}`)),
      ),
    );
    await server.restart();
    await eventually(async () => expect(await buckets.reads.get('sess:{0}:p')).toBeNull());
  });

  it('names a password that was changed', async () => {
    const server = await startedRedis({ requirepass: 'old' });
    const opened = open(`redis://:old@127.0.0.1:${server.port}`);
    const buckets = bucketsOf(opened);
    await checkRedis(buckets);
    const admin = new Redis(server.url, { password: 'old', disconnectTimeout: 0 });
    cleanUps.push(() => admin.disconnect());
    await admin.config('SET', 'requirepass', 'new');
    await admin.client('KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    await eventually(() =>
      expect(buckets.reads.get('sess:{0}:p')).rejects.toMatchObject(unavailable(/WRONGPASS/)),
    );
    await admin.config('SET', 'requirepass', 'old');
    await eventually(async () => expect(await buckets.reads.get('sess:{0}:p')).toBeNull());
  });
});

describe('A start', () => {
  /** Each key takes 20 ms to load. */
  const SLOW = {
    'key-load-delay': '20000',
    'loading-process-events-interval-bytes': '1024',
    rdbcompression: 'no',
  };

  it('waits for a Redis that is reading its data, and a call says that it is', async () => {
    const server = await startedRedis(SLOW);
    const admin = new Redis(server.url, { disconnectTimeout: 0 });
    admin.on('error', () => undefined);
    cleanUps.push(() => admin.disconnect());
    for (let n = 0; n < 150; n++) await admin.set(`key ${n}`, 'value'.repeat(200));
    await admin.save();
    await server.kill();
    const opened = open(server.url);
    const buckets = bucketsOf(opened);
    const restarted = server.restart();
    await eventually(() =>
      expect(buckets.reads.get('sess:{0}:p')).rejects.toMatchObject(
        unavailable(/no answer within 500 ms.*LOADING.*reading its data/),
      ),
    );
    expect(await checkRedis(buckets)).toHaveLength(1);
    await restarted;
  });

  it('waits for a Redis that hangs, longer than a request would', async () => {
    const server = await startedRedis({ appendonly: 'yes' });
    const opened = open(server.url);
    server.pause();
    setTimeout(() => server.resume(), 2_000);
    const begun = performance.now();
    expect(await checkRedis(bucketsOf(opened))).toEqual([]);
    expect(performance.now() - begun).toBeGreaterThan(1_900);
  });

  it('gives up after 10 s', async () => {
    const server = await startedRedis({});
    const opened = open(server.url);
    server.pause();
    const begun = performance.now();
    await expect(checkRedis(bucketsOf(opened))).rejects.toMatchObject(unavailable(/unavailable/));
    const took = performance.now() - begun;
    server.resume();
    expect(took).toBeGreaterThan(8_000);
    expect(took).toBeLessThan(11_500);
  });
});

describe('A plain client', () => {
  it('is refused by a Cluster of one shard, with the remedy', async () => {
    const cluster = await startRedisCluster({ masters: 1 });
    cleanUps.push(() => cluster.stop());
    const [url] = cluster.urls;
    const { port } = cluster.nodes[0]!;
    await expect(start(url!)).rejects.toMatchObject({
      code: 'ERR_SESSION_REDIS_UNSUITABLE',
      message: expect.stringContaining(
        `{ nodes: [{ host: "127.0.0.1", port: ${port} }] }, or give an ioredis Cluster`,
      ),
    });
    expect(await start({ nodes: [{ host: '127.0.0.1', port }] })).toHaveLength(1);
  });

  it('with maxRetriesPerRequest null is refused by name', async () => {
    const { url } = await startedRedis({});
    const client = new Redis(url, { maxRetriesPerRequest: null, disconnectTimeout: 0 });
    cleanUps.push(() => client.disconnect());
    await expect(start(client)).rejects.toMatchObject({
      code: 'ERR_SESSION_OPTIONS',
      message: expect.stringContaining('`maxRetriesPerRequest: null`'),
    });
  });

  it('is warned of a Redis without AOF, with what that costs', async () => {
    const { url } = await startedRedis({});
    expect(await start(url)).toEqual([expect.stringMatching(/appendonly is off.*are lost/)]);
  });
});
