import { setImmediate as nextTurn } from 'node:timers/promises';

import { afterAll, describe, expect, test } from '@jest/globals';
import { Redis } from 'ioredis';

import { generateSessionId } from '../../../src/store/session-id.js';
import { eventually } from '../../support/eventually.js';
import { lossyProxy, type LossyProxy } from '../../support/lossy-proxy.js';
import { singleRedis } from '../../support/redis-under-test.js';
import { useRedis } from '../../support/use-redis.js';
import { TIMEOUT, expectFullService, expectUnavailable } from './outage.js';

/** Acknowledged writes are on disk, so they survive a kill. */
const DURABLE = { appendonly: 'yes', appendfsync: 'always' };

const clients: [string, (url: string) => string | Redis][] = [
  ['its own client', (url) => url],
  ["a live client with ioredis's defaults", (url) => new Redis(url)],
  [
    'a live client as BullMQ needs it',
    (url) => new Redis(url, { maxRetriesPerRequest: null, enableReadyCheck: false }),
  ],
  ['a live client with auto-pipelining', (url) => new Redis(url, { enableAutoPipelining: true })],
  [
    'a live client without an offline queue',
    (url) => new Redis(url, { enableOfflineQueue: false }),
  ],
];

describe.each(clients)('an outage of Redis, with %s', (_, connect) => {
  const live: Redis[] = [];
  afterAll(() => live.forEach((client) => client.disconnect()));
  const fixture = useRedis(() => singleRedis(DURABLE));

  const open = async () => {
    const server = fixture.redis.servers[0]!;
    const connection = connect(server.url);
    if (connection instanceof Redis) {
      live.push(connection);
      connection.on('error', () => undefined);
      await eventually(async () => expect(connection.status).toBe('ready'));
    }
    const app = fixture.open({ connection, timeout: TIMEOUT });
    // Failed calls on one session may still be carried out once Redis is back. The other is kept.
    const touched = await app.service.createSession({ userId: 'ada' });
    const kept = await app.service.createSession({ userId: 'bob' });
    return { app, server, touched, kept };
  };

  test('calls fail as unavailable while Redis is down, and work again after its restart', async () => {
    const { app, server, touched, kept } = await open();
    await server.kill();
    await expectUnavailable(app, touched);
    await expectUnavailable(app, touched);
    // A malformed ID is answered without Redis.
    expect(await app.service.validateSession('nonsense')).toBeNull();

    await server.restart();
    await expectFullService(app, kept);
  });

  test('calls fail as unavailable while Redis does not answer, and work again once it does', async () => {
    const { app, server, touched, kept } = await open();
    server.pause();
    try {
      await expectUnavailable(app, touched);
      await expectUnavailable(app, touched);
    } finally {
      server.resume();
    }
    await expectFullService(app, kept);
  });

  test('no acknowledged change is lost while Redis is killed and paused during many calls', async () => {
    const { app, server } = await open();
    const alive = new Set<string>();
    const ended = new Set<string>();
    const unexpected: unknown[] = [];
    const working = new AbortController();
    const work = async (userId: string) => {
      for (let n = 0; !working.signal.aborted; n++) {
        try {
          const { id } = await app.service.createSession({ userId });
          if (n % 2 === 0) {
            alive.add(id);
            continue;
          }
          await app.service.destroySession(id);
          ended.add(id);
        } catch (error) {
          if ((error as { code: string }).code !== 'ERR_SESSION_REDIS_UNAVAILABLE') {
            unexpected.push(error);
          }
          await nextTurn();
        }
      }
    };
    const moreSessions = async () => {
      const before = alive.size;
      await eventually(async () => expect(alive.size).toBeGreaterThan(before + 20));
    };
    const workers = ['ada', 'bob', '{x}', 'eve'].map((userId) => work(userId));
    try {
      for (const [stop, resume] of [
        [() => server.kill(), () => server.restart()],
        [() => server.pause(), () => server.resume()],
        [() => server.kill(), () => server.restart()],
      ] as const) {
        await moreSessions();
        await stop();
        await expect(app.service.getSession(generateSessionId(0))).rejects.toMatchObject({
          code: 'ERR_SESSION_REDIS_UNAVAILABLE',
        });
        await resume();
      }
      await moreSessions();
    } finally {
      working.abort();
      await Promise.all(workers);
    }

    expect(unexpected).toEqual([]);
    for (const id of alive) expect(await app.service.getSession(id)).not.toBeNull();
    for (const id of ended) expect(await app.service.getSession(id)).toBeNull();
  });

  test('scripts are loaded again after Redis has lost them', async () => {
    const { app, kept } = await open();
    await fixture.redis.nodes[0]!.script('FLUSH');
    await expectFullService(app, kept);
  });
});

describe('a silent connection', () => {
  let proxy: LossyProxy | undefined;
  afterAll(() => proxy?.close());
  const fixture = useRedis();

  test('a connection that goes silent is replaced, even though it was never closed', async () => {
    proxy = await lossyProxy(fixture.redis.servers[0]!.port);
    const app = fixture.open({ connection: proxy.url, timeout: TIMEOUT });
    const touched = await app.service.createSession({ userId: 'ada' });
    const kept = await app.service.createSession({ userId: 'bob' });
    proxy.goSilent();
    await expectUnavailable(app, touched);
    await expectFullService(app, kept);
  });
});
