import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from '@jest/globals';
import { Redis } from 'ioredis';
import { type PrivateServer, type RedisOptions, startRedis } from '../../../dev/index.js';
import { childrenOf, isRunning } from '../../../dev/process-table.js';
import { until } from './until.js';

const open: { client: Redis; server: PrivateServer }[] = [];

async function redis(options?: RedisOptions) {
  const server = await startRedis(options);
  const client = new Redis(server.url, {
    maxRetriesPerRequest: null,
    retryStrategy: () => 5,
    disconnectTimeout: 0,
  });
  client.on('error', () => {});
  open.push({ client, server });
  return { client, server };
}

afterEach(async () => {
  for (const { client } of open) client.disconnect();
  await Promise.all(open.splice(0).map(({ server }) => server.stop()));
});

async function configOf(client: Redis, name: string): Promise<string> {
  return String(((await client.config('GET', name)) as string[])[1]);
}

describe('a private Redis', () => {
  test('the server listens on loopback, evicts nothing and writes nothing to disk', async () => {
    const { client, server } = await redis();
    expect(await client.ping()).toBe('PONG');
    expect(server.url).toBe(`redis://127.0.0.1:${server.port}`);
    expect(await configOf(client, 'maxmemory-policy')).toBe('noeviction');
    expect(await configOf(client, 'save')).toBe('');
    expect(await configOf(client, 'hz')).toBe('100');
    expect(await configOf(client, 'appendonly')).toBe('no');
    expect(await configOf(client, 'bind')).toBe('127.0.0.1');
  });

  test('the server uses the entries of redis.conf that it is given, even with several words', async () => {
    const config = { save: '3600 1 300 100', maxmemory: '64mb', requirepass: 'a-password' };
    const server = await startRedis({ config });
    const client = new Redis(server.url, { password: 'a-password', disconnectTimeout: 0 });
    open.push({ client, server });
    expect(await configOf(client, 'save')).toBe('3600 1 300 100');
    expect(await configOf(client, 'maxmemory')).toBe(String(64 * 1024 * 1024));
  });

  test('a killed server restarts on the same port with the data of its append-only file', async () => {
    const { client, server } = await redis({
      config: { appendonly: 'yes', appendfsync: 'always' },
    });
    await client.set('kept', 'yes');
    const { pid, url } = server;
    await server.kill();
    expect(isRunning(pid)).toBe(false);
    await server.restart();
    expect(server.url).toBe(url);
    expect(server.pid).not.toBe(pid);
    expect(await client.get('kept')).toBe('yes');
  });

  test('a restart kills a server that is running', async () => {
    const { client, server } = await redis();
    await client.set('lost', 'yes');
    const { pid } = server;
    await server.restart();
    expect(isRunning(pid)).toBe(false);
    expect(await client.get('lost')).toBeNull();
  });

  test('a paused server leaves calls hanging until it is resumed', async () => {
    const { client, server } = await redis();
    const { client: other } = await redis();
    await client.ping();
    server.pause();
    let answered = false;
    const call = client.ping().finally(() => (answered = true));
    for (let n = 0; n < 100; n++) await other.ping();
    expect(answered).toBe(false);
    server.resume();
    expect(await call).toBe('PONG');
  });

  test.each(['running', 'paused', 'killed'])(
    'a server that is stopped while %s leaves nothing behind',
    async (state) => {
      const { client, server } = await redis();
      const folder = await configOf(client, 'dir');
      const watchdog = childrenOf(process.pid);
      if (state === 'paused') server.pause();
      if (state === 'killed') await server.kill();
      await server.stop();
      await server.stop();
      expect(isRunning(server.pid)).toBe(false);
      expect(childrenOf(process.pid).length).toBeLessThan(watchdog.length);
      expect(() => rmSync(folder)).toThrow('ENOENT');
      await expect(server.restart()).rejects.toThrow("can't be restarted");
    },
  );

  test('servers that start at the same time get different ports', async () => {
    const servers = await Promise.all(Array.from({ length: 8 }, () => redis()));
    expect(new Set(servers.map(({ server }) => server.port)).size).toBe(8);
    for (const { client } of servers) expect(await client.ping()).toBe('PONG');
  });

  test('the data stays in a folder of the caller from one start to the next', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'kept-'));
    const options = { dir, config: { appendonly: 'yes' } };
    const first = await redis(options);
    await first.client.set('kept', 'yes');
    await first.server.stop();
    const second = await redis({ ...options, port: first.server.port });
    expect(second.server.port).toBe(first.server.port);
    expect(await second.client.get('kept')).toBe('yes');
    await second.server.stop();
    rmSync(dir, { recursive: true });
  });

  test('a server that fails to start reports why', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'kept-'));
    const { client, server } = await redis({ dir });
    await Promise.all([
      expect(startRedis({ config: { nonsense: '1' } })).rejects.toThrow(/nonsense/),
      expect(startRedis({ port: server.port })).rejects.toThrow(/already in use/i),
      expect(startRedis({ dir })).rejects.toThrow(`already runs in ${dir}`),
    ]);
    expect(await client.ping()).toBe('PONG');
    await server.stop();
    rmSync(dir, { recursive: true });
  });

  test('a killed server takes its child processes with it', async () => {
    const { client, server } = await redis();
    await client.config('SET', 'rdb-key-save-delay', '100000');
    for (let n = 0; n < 100; n++) await client.set(`k${n}`, n);
    await client.bgsave();
    await until(() => childrenOf(server.pid).length > 0);
    const children = childrenOf(server.pid);
    await server.kill();
    expect(children.some(isRunning)).toBe(false);
  });
});
