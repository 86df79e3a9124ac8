import { setImmediate as nextTurn } from 'node:timers/promises';

import { afterAll, describe, expect, test } from '@jest/globals';
import { Redis } from 'ioredis';

import { generateSessionId } from '../../../src/store/session-id.js';
import { eventually } from '../../support/eventually.js';
import { lossyProxy, type LossyProxy } from '../../support/lossy-proxy.js';
import { singleRedis } from '../../support/redis-under-test.js';
import { useRedis } from '../../support/use-redis.js';
import { BOUND, expectFullService, expectUnavailable } from './outage.js';

/** What was acknowledged is on disk, so that a killed server comes back with it. */
const DURABLE = { appendonly: 'yes', appendfsync: 'always' };

const clients: [string, (url: string) => string | Redis][] = [
  ['a client that the module opened', (url) => url],
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

describe.each(clients)('over %s,', (_, connect) => {
  const given: Redis[] = [];
  afterAll(() => given.forEach((client) => client.disconnect()));
  const fixture = useRedis(() => singleRedis(DURABLE));

  const open = async () => {
    const server = fixture.redis.servers[0]!;
    const connection = connect(server.url);
    if (connection instanceof Redis) {
      given.push(connection);
      connection.on('error', () => undefined);
      await eventually(async () => expect(connection.status).toBe('ready'));
    }
    const app = fixture.open({ connection, timeout: BOUND });
    // One for the calls that fail, which may be done all the same once Redis is back; one to keep.
    const touched = await app.service.createSession({ userId: 'ada' });
    const kept = await app.service.createSession({ userId: 'bob' });
    return { app, server, touched, kept };
  };

  test('a Redis that was killed is an error of its own, and is used again once it is back', async () => {
    const { app, server, touched, kept } = await open();
    await server.kill();
    await expectUnavailable(app, touched);
    await expectUnavailable(app, touched);
    // What needs no Redis is answered as ever.
    expect(await app.service.validateSession('nonsense')).toBeNull();

    await server.restart();
    await expectFullService(app, kept);
  });

  test('a Redis that gives no answer is an error of its own, and is used again once it does', async () => {
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

  test('a Redis that goes and comes amidst many calls loses nothing that was acknowledged', async () => {
    const { app, server } = await open();
    const live = new Set<string>();
    const ended = new Set<string>();
    const unexpected: unknown[] = [];
    const working = new AbortController();
    const work = async (userId: string) => {
      for (let n = 0; !working.signal.aborted; n++) {
        try {
          const { id } = await app.service.createSession({ userId });
          if (n % 2 === 0) {
            live.add(id);
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
      const before = live.size;
      await eventually(async () => expect(live.size).toBeGreaterThan(before + 20));
    };
    const workers = ['ada', 'bob', '{x}', 'eve'].map((userId) => work(userId));
    try {
      for (const [goes, comes] of [
        [() => server.kill(), () => server.restart()],
        [() => server.pause(), () => server.resume()],
        [() => server.kill(), () => server.restart()],
      ] as const) {
        await moreSessions();
        await goes();
        await expect(app.service.getSession(generateSessionId(0))).rejects.toMatchObject({
          code: 'ERR_SESSION_REDIS_UNAVAILABLE',
        });
        await comes();
      }
      await moreSessions();
    } finally {
      working.abort();
      await Promise.all(workers);
    }

    expect(unexpected).toEqual([]);
    for (const id of live) expect(await app.service.getSession(id)).not.toBeNull();
    for (const id of ended) expect(await app.service.getSession(id)).toBeNull();
  });

  test('a Redis that has forgotten the scripts is taught them again', async () => {
    const { app, kept } = await open();
    await fixture.redis.nodes[0]!.script('FLUSH');
    await expectFullService(app, kept);
  });
});

describe('a link that went silent', () => {
  let proxy: LossyProxy | undefined;
  afterAll(() => proxy?.close());
  const fixture = useRedis(singleRedis);

  test('while Redis is there is made anew, though nobody closed it', async () => {
    proxy = await lossyProxy(fixture.redis.servers[0]!.port);
    const app = fixture.open({ connection: proxy.url, timeout: BOUND });
    const touched = await app.service.createSession({ userId: 'ada' });
    const kept = await app.service.createSession({ userId: 'bob' });
    proxy.goSilent();
    await expectUnavailable(app, touched);
    await expectFullService(app, kept);
  });
});
