import { inspect } from 'node:util';

import { afterEach, describe, expect, it, jest } from '@jest/globals';
import type { LoggerService } from '@nestjs/common';
import { Redis } from 'ioredis';
import { QueryFailedError } from 'typeorm';

import { startRedis, type PrivateServer } from '../../../dev/index.js';
import type { SessionModuleOptions } from '../../../src/index.js';
import { databaseError } from '../../../src/audit/postgres/errors.js';
import { startNestProcess } from '../../support/nest-application.js';
import { bucketOf } from '../../../src/store/session-id.js';

const PASSWORD = 'pass-w0rd-of-redis';
const DATA = 'data-of-a-session';

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  jest.restoreAllMocks();
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp();
});

async function startedRedis(config: Record<string, string> = {}): Promise<PrivateServer> {
  const server = await startRedis({ config });
  cleanUps.push(() => server.stop());
  return server;
}

/** Everything that is printed or thrown, with all properties of all errors, hidden ones as well. */
class Output {
  private readonly texts: string[] = [];
  readonly note = (...args: unknown[]) => void this.texts.push(...args.map(inspectAll));
  readonly logger: LoggerService = {
    log: this.note,
    error: this.note,
    warn: this.note,
    debug: this.note,
    verbose: this.note,
    fatal: this.note,
  };

  constructor() {
    for (const method of ['log', 'info', 'warn', 'error', 'debug'] as const) {
      jest.spyOn(console, method).mockImplementation(this.note);
    }
  }

  get text(): string {
    return this.texts.join('\n');
  }
}

function inspectAll(value: unknown): string {
  const hidden = inspect(value, { depth: Infinity, showHidden: true, maxStringLength: Infinity });
  return typeof value === 'string' ? value : `${hidden}\n${JSON.stringify(value)}`;
}

/** Whether a text has the secret, also as the bytes of a buffer. */
function expectNoSecret(text: string, secret: string): void {
  const bytes = [...Buffer.from(secret)].map((byte) => byte.toString(16)).join(' ');
  expect(text.includes(secret) || text.includes(bytes)).toBe(false);
}

async function startAndFail(redis: SessionModuleOptions['redis'], output: Output): Promise<void> {
  const options = { redis, audit: { worker: false }, redisTimeout: 500 };
  const failure = await startNestProcess(options, output.logger).catch((error: unknown) => error);
  expect(failure).toMatchObject({ code: expect.stringMatching(/^ERR_SESSION_/) });
  output.note(failure);
}

describe('A start that fails', () => {
  it.each<[string, Record<string, string>, (port: number) => SessionModuleOptions['redis']]>([
    [
      'a wrong password',
      { requirepass: 'right' },
      (port) => `redis://:${PASSWORD}@127.0.0.1:${port}`,
    ],
    ['an unknown user', {}, (port) => ({ port, username: 'nobody', password: PASSWORD })],
    [
      'a Redis that does not know AUTH and quotes its arguments',
      { 'rename-command': 'AUTH ""' },
      (port) => `redis://:${PASSWORD}@127.0.0.1:${port}`,
    ],
    ['a URL with an invalid port', {}, () => `redis://:${PASSWORD}@127.0.0.1:99999`],
    ['a URL with a slash in its password', {}, () => `redis://:/${PASSWORD}@127.0.0.1`],
    ['a URL of another database', {}, () => `mysql://root:${PASSWORD}@127.0.0.1`],
    ['a server that is down', {}, () => `redis://:${PASSWORD}@127.0.0.1:1`],
    ['a TLS connection to plain text', {}, (port) => `rediss://:${PASSWORD}@127.0.0.1:${port}`],
    [
      'nodes of a Cluster',
      {},
      (port) => ({ nodes: [{ port }], redisOptions: { username: 'nobody', password: PASSWORD } }),
    ],
  ])(
    'shows no password of Redis, neither in the error nor in the log: %s',
    async (_, config, connection) => {
      const { port } = await startedRedis(config);
      const output = new Output();
      await startAndFail(connection(port), output);
      expect(output.text).toContain('ERR_SESSION_');
      expectNoSecret(output.text, PASSWORD);
    },
    15_000,
  );
});

describe('A call that fails', () => {
  it('shows neither the data of the session nor the password, whatever Redis answers', async () => {
    const server = await startedRedis({ requirepass: PASSWORD });
    const redis = `redis://:${PASSWORD}@127.0.0.1:${server.port}`;
    const output = new Output();
    const app = await startNestProcess(
      { redis, audit: { worker: false }, buckets: 1, prefix: 'sess', redisTimeout: 500 },
      output.logger,
    );
    cleanUps.push(() => app.close());
    const admin = new Redis(server.url, { password: PASSWORD, disconnectTimeout: 0 });
    admin.on('error', () => undefined);
    cleanUps.push(() => admin.disconnect());
    const { id } = await app.sessions.createSession({ userId: 'ada' });
    const failures: unknown[] = [];
    const callAll = async () => {
      const results = await Promise.allSettled([
        app.sessions.createSession({ userId: 'ada', data: { text: DATA } }),
        app.sessions.createSession({ userId: 'bob', client: { userAgent: DATA } }),
        app.sessions.updateSessionData(id, { text: DATA }),
      ]);
      for (const result of results) if (result.status === 'rejected') failures.push(result.reason);
    };
    const [outbox] = [app.buckets.keysOf(bucketOf('ada', 1)).outbox];
    await admin.del(outbox);
    await admin.set(outbox, 'of the wrong type');
    await callAll();
    await admin.del(outbox);
    await admin.acl('SETUSER', 'default', '-evalsha', '-eval');
    await callAll();
    await admin.acl('SETUSER', 'default', '+@all', 'resetpass', '>changed');
    await admin.client('KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    await callAll();
    await server.kill();
    await callAll();

    expect(failures.length).toBeGreaterThan(8);
    failures.forEach(output.note);
    expect(output.text).toMatch(/WRONGTYPE[^]*NOPERM[^]*WRONGPASS/);
    expectNoSecret(output.text, DATA);
    expectNoSecret(output.text, PASSWORD);
  });

  it('shows no parameters of a statement that Postgres rejected', () => {
    const driverError = Object.assign(new Error('terminated'), { parameters: [DATA] });
    const failure = databaseError(new QueryFailedError('SELECT $1', [DATA], driverError));
    expect(failure.cause).toBeInstanceOf(QueryFailedError);
    expectNoSecret(inspectAll(failure), DATA);
  });
});
