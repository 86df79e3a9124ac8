import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from '@jest/globals';
import { Client } from 'pg';
import { type PostgresOptions, type PrivateServer, startPostgres } from '../../../dev/index.js';
import { childrenOf, isRunning } from '../../../dev/process-table.js';
import { sharedMemoryOf } from './shared-memory.js';

const servers: PrivateServer[] = [];
const clients: Client[] = [];

async function postgres(options?: PostgresOptions) {
  const server = await startPostgres(options);
  servers.push(server);
  return server;
}

async function connect(connectionString: string): Promise<Client> {
  const client = new Client({ connectionString });
  client.on('error', () => {}); // the tests kill its server
  clients.push(client);
  await client.connect();
  return client;
}

async function one(client: Client, sql: string): Promise<unknown> {
  const { rows } = await client.query<{ one: unknown }>(`SELECT (${sql}) AS one`);
  return rows[0]?.one;
}

afterEach(async () => {
  for (const server of servers) server.resume();
  await Promise.allSettled(clients.splice(0).map((client) => client.end()));
  await Promise.all(servers.splice(0).map((server) => server.stop()));
});

describe('a private Postgres', () => {
  test('the server listens on loopback, runs in UTC and is fully durable', async () => {
    const server = await postgres();
    const client = await connect(server.url);
    expect(await one(client, 'current_database()')).toBe('ledger');
    for (const [setting, value] of [
      ['fsync', 'on'],
      ['synchronous_commit', 'on'],
      ['full_page_writes', 'on'],
      ['listen_addresses', '127.0.0.1'],
      ['timezone', 'UTC'],
      ['server_encoding', 'UTF8'],
    ]) {
      expect(await one(client, `current_setting('${setting}')`)).toBe(value);
    }
  });

  test('the server uses the entries of postgresql.conf that it is given', async () => {
    const server = await postgres({ config: { max_connections: '7', log_min_messages: 'info' } });
    const client = await connect(server.url);
    expect(await one(client, `current_setting('max_connections')`)).toBe('7');
  });

  test('createDatabase creates more databases', async () => {
    const server = await postgres();
    const client = await connect(await server.createDatabase('ano"ther one'));
    expect(await one(client, 'current_database()')).toBe('ano"ther one');
    await expect(server.createDatabase('ledger')).rejects.toThrow('already exists');
  });

  test('a killed server restarts on the same port with everything that was committed', async () => {
    const server = await postgres();
    const client = await connect(server.url);
    await client.query('CREATE TABLE kept AS SELECT generate_series(1, 1000) AS n');
    const { pid, url } = server;
    const family = [pid, ...childrenOf(pid)];
    await server.kill();
    expect(family.filter(isRunning)).toEqual([]);
    await server.restart();
    expect(server.url).toBe(url);
    expect(server.pid).not.toBe(pid);
    expect(await one(await connect(server.url), 'SELECT count(*)::int FROM kept')).toBe(1000);
  });

  test('a paused server leaves open and new connections hanging until it is resumed', async () => {
    const server = await postgres();
    const elsewhere = await connect((await postgres()).url);
    const client = await connect(server.url);
    server.pause();
    const answered: string[] = [];
    const query = one(client, '1').finally(() => answered.push('open'));
    const connection = connect(server.url).finally(() => answered.push('new'));
    for (let n = 0; n < 100; n++) await one(elsewhere, '1');
    expect(answered).toEqual([]);
    server.resume();
    expect(await query).toBe(1);
    expect(await one(await connection, '2')).toBe(2);
  });

  test.each(['running', 'paused', 'killed'])(
    'a server that is stopped while %s leaves nothing behind',
    async (state) => {
      const server = await postgres();
      await connect(server.url);
      const family = [server.pid, ...childrenOf(server.pid)];
      if (state === 'paused') server.pause();
      if (state === 'killed') await server.kill();
      await server.stop();
      await server.stop();
      expect(family.filter(isRunning)).toEqual([]);
      expect(sharedMemoryOf(family)).toEqual([]);
      await expect(server.restart()).rejects.toThrow("can't be restarted");
    },
  );

  test('servers that start at the same time get different ports', async () => {
    const several = await Promise.all(Array.from({ length: 4 }, () => postgres()));
    expect(new Set(several.map(({ port }) => port)).size).toBe(4);
  });

  test('the data stays in a folder of the caller from one start to the next', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'kept-'));
    const first = await postgres({ dir });
    await (await connect(first.url)).query('CREATE TABLE kept AS SELECT 1 AS n');
    await first.stop();
    const second = await postgres({ dir, port: first.port });
    expect(second.url).toBe(first.url);
    expect(await one(await connect(second.url), 'SELECT n FROM kept')).toBe(1);
    await second.stop();
    expect(readFileSync(join(dir, 'server.log'), 'utf8')).toContain('shut down');
    rmSync(dir, { recursive: true });
  });

  test('a server that fails to start reports why', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'kept-'));
    const server = await postgres({ dir });
    await Promise.all([
      expect(startPostgres({ config: { nonsense: '1' } })).rejects.toThrow(/nonsense/),
      expect(startPostgres({ port: server.port })).rejects.toThrow(/already in use/),
      expect(startPostgres({ dir })).rejects.toThrow(/already exists/),
    ]);
    expect(await one(await connect(server.url), '1')).toBe(1);
    await server.stop();
    rmSync(dir, { recursive: true });
  });
});
