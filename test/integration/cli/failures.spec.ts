import { createServer, type Server, type AddressInfo } from 'node:net';

import { describe, expect, it } from '@jest/globals';

import { startRedis, startRedisCluster } from '../../../dev/index.js';
import { SessionModule, SessionService } from '../../../src/index.js';
import { NestFactory } from '@nestjs/core';
import { runCommand, useOperator } from './use-operator.js';

const PASSWORD = 's3cret-password';

describe('errors of the command line', () => {
  const operator = useOperator();

  it.each([
    [['verify'], { DATABASE_URL: undefined }, 'DATABASE_URL is not set'],
    [['backlog'], { REDIS_URL: '' }, 'REDIS_URL is not set'],
    [['verify'], { DATABASE_URL: 'mysql://localhost/x' }, 'DATABASE_URL is mysql://localhost/x'],
    [['backlog'], { REDIS_URL: 'localhost:6379' }, 'REDIS_URL is'],
    [['verify'], { LEDGER_SCHEMA: 'a"b' }, 'LEDGER_SCHEMA is "a\\"b"'],
    [['verify'], { USER_ID_TYPE: 'number' }, "USER_ID_TYPE is \"number\"; use 'text', 'integer'"],
    [['verify'], { USERS_TABLE: 'app.us ers' }, 'USERS_TABLE is "us ers"'],
    [['verify'], { USERS_COLUMN: 'i;d' }, 'USERS_COLUMN is "i;d"'],
    [['backlog'], { SESSION_PREFIX: 'a{b}' }, 'SESSION_PREFIX is "a{b}"'],
    [['backlog'], { SESSION_PREFIX: 'other' }, "no sessions with the prefix 'other'"],
    [
      ['backlog'],
      { SESSION_BUCKETS: '0' },
      'SESSION_BUCKETS is "0"; use a whole number from 1 to 256',
    ],
    [['flush'], { SESSION_BUCKETS: '8' }, 'SESSION_BUCKETS is 8, but the sessions'],
    [['verify'], { LEDGER_SCHEMA: 'elsewhere' }, 'Run the migrations'],
    [['nonsense'], {}, "Unknown command 'nonsense'"],
    [['verify', 'much'], {}, "Unexpected argument 'much'"],
    [['verify', '--chain', 'x'], {}, '--chain is "x"; use a whole number'],
    [['verify', '--from', '0'], {}, '--from is "0"; use a whole number'],
    [['verify', '--from', '5', '--to', '4'], {}, 'from seq 5 to 4'],
    [['backlog', '--max-age', 'soon'], {}, '--max-age is "soon"; use a duration'],
    [['dead-letters', '--limit', '0'], {}, '--limit is "0"; use a whole number'],
    [['dead-letters', '--after', 'x'], {}, 'use the id of a dead letter'],
    [[], {}, 'Usage: session-ledger'],
  ] as [string[], NodeJS.ProcessEnv, string][])(
    'exits with 2 and says what to fix: %j with %j',
    async (args, env, message) => {
      const { code, stdout, stderr } = await operator.ledgerWith(env, ...args);

      expect(stderr).toContain(message);
      expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    },
  );

  it('rejects a key layout that it does not support', async () => {
    const meta = `${operator.env.SESSION_PREFIX}:meta`;
    await operator.redis.hset(meta, 'layout', '99');

    const { code, stderr } = await operator.ledger('flush');

    expect(code).toBe(2);
    expect(stderr).toContain('layout 99');
    await operator.redis.hset(meta, 'layout', '1');
  });

  it.each([[['--help']], [['verify', '--help']], [['--version']]])(
    'prints the help or the version and exits with 0: %j',
    async (args) => {
      const { code, stdout } = await runCommand({}, false, args);

      expect(code).toBe(0);
      expect(stdout).not.toBe('');
    },
  );

  it('lists the environment variables and the exit codes in --help', async () => {
    const { stdout } = await runCommand({}, false, ['--help']);

    for (const name of ['DATABASE_URL', 'REDIS_URL', 'LEDGER_SCHEMA', 'SESSION_PREFIX']) {
      expect(stdout).toContain(name);
    }
    expect(stdout).toMatch(/Exit codes:\n {2}0 .*\n {2}1 .*\n {2}2 .*\n {2}3 .*\n {2}4 /);
  });

  it('never prints a password', async () => {
    const { redis, postgres } = operator.servers;
    const values: NodeJS.ProcessEnv[] = [
      { DATABASE_URL: `postgres://ann:${PASSWORD}@127.0.0.1:1/ledger` },
      { DATABASE_URL: `postgres://ann:${PASSWORD}@127.0.0.1:${postgres.port}/nowhere` },
      { DATABASE_URL: `postgres://127.0.0.1:1/ledger?user=ann&password=${PASSWORD}` },
      { DATABASE_URL: `postgres://ann:#${PASSWORD}@127.0.0.1/ledger` },
      { DATABASE_URL: `mysql://ann:${PASSWORD}@127.0.0.1/ledger` },
      { DATABASE_URL: `ann:${PASSWORD}@127.0.0.1` },
      { DATABASE_URL: PASSWORD },
      { REDIS_URL: `redis://:${PASSWORD}@127.0.0.1:1` },
      { REDIS_URL: `redis://ann:${PASSWORD}@127.0.0.1:${redis.port}` },
      { REDIS_URL: `http://ann:${PASSWORD}@127.0.0.1` },
    ];
    for (const env of values) {
      const { code, stdout, stderr } = await operator.ledgerWith(env, 'flush');

      expect([2, 3]).toContain(code);
      expect(stdout + stderr).not.toContain(PASSWORD);
    }
  });

  it.each([
    ['a wrong password of Redis', { REDIS_URL: 'redis://ann:x@127.0.0.1:%redis' }, 2, 'WRONGPASS'],
    [
      'a missing database',
      { DATABASE_URL: 'postgres://postgres@127.0.0.1:%postgres/no' },
      2,
      'exist',
    ],
    ['a missing role', { DATABASE_URL: 'postgres://norole@127.0.0.1:%postgres/ledger' }, 2, 'role'],
    ['a Redis that is down', { REDIS_URL: 'redis://127.0.0.1:1' }, 3, 'ECONNREFUSED'],
    ['a Postgres that is down', { DATABASE_URL: 'postgres://127.0.0.1:1/x' }, 3, 'ECONNREFUSED'],
    ['an unknown host', { REDIS_URL: 'redis://redis.invalid' }, 3, 'ENOTFOUND'],
    [
      'a host with two addresses, both refusing connections',
      { DATABASE_URL: 'postgres://localhost:1/x' },
      3,
      'ECONNREFUSED',
    ],
  ] as [string, Record<string, string>, number, string][])(
    'reports %s',
    async (_case, env, expected, message) => {
      const { redis, postgres } = operator.servers;
      const filled = Object.entries(env).map(([name, url]) => [
        name,
        url.replace('%redis', String(redis.port)).replace('%postgres', String(postgres.port)),
      ]);

      const { code, stderr } = await operator.ledgerWith(Object.fromEntries(filled), 'flush');

      expect(stderr).toContain(message);
      expect(code).toBe(expected);
    },
  );

  it('reports a role without permissions', async () => {
    await operator.client.query('CREATE ROLE intruder LOGIN');
    const url = operator.env.DATABASE_URL!.replace('postgres@', 'intruder@');

    const { code, stderr } = await operator.ledgerWith({ DATABASE_URL: url }, 'verify');

    expect(code).toBe(2);
    expect(stderr).toContain('permission denied');
  });

  it('gives up on servers that accept connections but never answer', async () => {
    const silent = await startSilentServer();
    const { port } = silent.address() as AddressInfo;
    try {
      const started = performance.now();
      const [redis, postgres] = await Promise.all([
        operator.ledgerWith({ REDIS_URL: `redis://127.0.0.1:${port}` }, 'backlog'),
        operator.ledgerWith({ DATABASE_URL: `postgres://127.0.0.1:${port}/x` }, 'verify'),
      ]);

      expect([redis!.code, postgres!.code]).toEqual([3, 3]);
      expect(performance.now() - started).toBeLessThan(20_000);
    } finally {
      silent.close();
    }
  });

  it('connects to a Redis with a password', async () => {
    const server = await startRedis({ config: { requirepass: PASSWORD } });
    try {
      const url = server.url.replace('redis://', `redis://:${PASSWORD}@`);
      const env = { SESSION_BUCKETS: '2' };

      expect((await operator.ledgerWith({ ...env, REDIS_URL: url }, 'backlog')).code).toBe(0);
      const without = await operator.ledgerWith({ ...env, REDIS_URL: server.url }, 'backlog');
      expect(without.code).toBe(2);
      expect(without.stderr).toContain('NOAUTH');
    } finally {
      await server.stop();
    }
  });

  it('connects to a Cluster through any of its nodes', async () => {
    const cluster = await startRedisCluster();
    const nodes = cluster.nodes.map(({ port }) => ({ host: '127.0.0.1', port }));
    const module = SessionModule.forRoot({ redis: { nodes }, audit: { worker: false } });
    const nest = await NestFactory.createApplicationContext(module, { logger: false });
    try {
      for (const userId of ['ann', 'ben', 'cleo']) {
        await nest.get(SessionService).createSession({ userId });
      }
      for (const { url } of cluster.nodes) {
        const { code, stdout } = await runCommand({ REDIS_URL: url }, false, ['backlog', '--json']);
        expect(code).toBe(0);
        expect(JSON.parse(stdout).events).toBe(3);
      }
    } finally {
      await nest.close();
      await cluster.stop();
    }
  });
});

/** Accepts connections and never answers. */
async function startSilentServer(): Promise<Server> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}
