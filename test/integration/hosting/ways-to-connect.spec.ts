import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';

import { Buckets } from '../../../src/store/buckets.js';
import { openRedis, type RedisConnection } from '../../../src/store/connect.js';
import { checkRedis } from '../../../src/store/startup-checks.js';
import { startTlsRedis, type TlsRedis } from '../../support/tls-redis.js';

describe('The documented ways to connect', () => {
  let tls: TlsRedis;
  let admin: Redis;
  beforeAll(async () => {
    tls = await startTlsRedis({
      appendonly: 'yes',
      bind: '127.0.0.1 ::1',
      unixsocket: 'redis.sock',
    });
    admin = new Redis(tls.plain.url, { disconnectTimeout: 0 });
    await admin.acl('SETUSER', 'app', 'on', '>p@ss/word', '~*', '+@all');
  });
  afterAll(async () => {
    admin.disconnect();
    await tls.stop();
  });

  const socket = () => `${tls.plain.folder}/data/redis.sock`;
  const encoded = encodeURIComponent('p@ss/word');

  it.each<[string, () => RedisConnection, number]>([
    ['a user', () => `redis://app:${encoded}@127.0.0.1:${tls.plain.port}`, 0],
    ['TLS with its own CA', () => ({ port: tls.tlsPort, tls: { ca: tls.ca } }), 0],
    ['a database', () => `${tls.plain.url}/2`, 2],
    ['the path of a Unix socket', () => socket(), 0],
    ['the option path', () => ({ path: socket() }), 0],
    ['a URL with an IPv6 address', () => `redis://[::1]:${tls.plain.port}`, 0],
    ['the IPv6 address as host', () => ({ host: '::1', port: tls.plain.port }), 0],
  ])('reach Redis by %s, and write to its database', async (_, connection, database) => {
    const { client, close } = openRedis(connection(), 5_000);
    const prefix = `way${Math.random().toString(36).slice(2)}`;
    try {
      await checkRedis(new Buckets({ client, prefix, count: 16, timeout: 5_000 }));
      await admin.select(database);
      expect(await admin.exists(`${prefix}:meta`)).toBe(1);
    } finally {
      await close();
    }
  });
});
