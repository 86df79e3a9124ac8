import { afterEach, describe, expect, test } from '@jest/globals';
import { Redis } from 'ioredis';

import { startRedis, startRedisSentinel, type PrivateSentinel } from '../../../dev/index.js';
import { openRedis, type RedisConnection } from '../../../src/store/connect.js';
import { openApplication, type Application } from '../../support/application.js';
import { eventually } from '../../support/eventually.js';
import { lossyProxy } from '../../support/lossy-proxy.js';
import type { RedisUnderTest } from '../../support/redis-under-test.js';

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp();
});

function open(connection: RedisConnection, timeout = 500): Application {
  const app = openApplication({} as RedisUnderTest, { connection, timeout, prefix: 'failover' });
  cleanUps.push(() => app.close());
  return app;
}

const addressesOf = (servers: readonly { port: number }[]) =>
  servers.map(({ port }) => ({ host: '127.0.0.1', port }));

const connectionOf = ({ name, sentinels }: PrivateSentinel) => ({
  name,
  sentinels: addressesOf(sentinels),
});

/** Calls without a pause, until it is stopped. Remembers those that were answered. */
async function callUntil(stopped: AbortSignal, call: () => Promise<string>): Promise<string[]> {
  const answered: string[] = [];
  while (!stopped.aborted) await call().then((id) => answered.push(id), waitABit);
  return answered;
}
const waitABit = () => new Promise((resolve) => setTimeout(resolve, 5));

describe('a failover that Sentinel carries out', () => {
  test.each([
    ['Sentinel', (redis: PrivateSentinel) => connectionOf(redis)],
    [
      'a single one of the Sentinels, which tells of the others',
      ({ name, sentinels }: PrivateSentinel) => ({
        name,
        sentinels: addressesOf(sentinels).slice(1, 2),
      }),
    ],
  ])(
    'an ordered failover loses no answered sign-in and no answered revocation: %s',
    async (_known, connection) => {
      const redis = await startRedisSentinel();
      cleanUps.push(() => redis.stop());
      const [app, other] = [open(connection(redis)), open(connection(redis))];
      const earlier: string[] = [];
      while (earlier.length < 2_000) {
        const some = Array.from({ length: 50 }, (_, n) =>
          app.service.createSession({ userId: `user ${n}` }),
        );
        earlier.push(...(await Promise.all(some)).map(({ id }) => id));
      }
      const stopping = new AbortController();
      let answers = 0;
      const signIns = [app, other].map(({ service }) =>
        callUntil(stopping.signal, async () => {
          const { id } = await service.createSession({ userId: 'ada' });
          answers += 1;
          return id;
        }),
      );
      const revocations = callUntil(stopping.signal, async () => {
        const id = earlier.pop()!;
        await other.service.destroySession(id);
        return id;
      });
      await eventually(async () => expect(answers).toBeGreaterThan(100));
      await redis.failOver();
      const before = answers;
      await eventually(async () => expect(answers).toBeGreaterThan(before + 100), 20_000);
      stopping.abort();

      // Asked through a client of its own, which only knows what Sentinel says now.
      const checking = open(connectionOf(redis), 5_000);
      const isValid = async (id: string) => (await checking.service.validateSession(id)) !== null;
      const created = (await Promise.all(signIns)).flat();
      const ended = await revocations;
      expect(await Promise.all(created.map(isValid))).toEqual(created.map(() => true));
      expect(await Promise.all(ended.map(isValid))).toEqual(ended.map(() => false));
    },
    60_000,
  );

  test('a process that was stopped during a failover sends nothing to the old master when it wakes', async () => {
    const redis = await startRedisSentinel();
    cleanUps.push(() => redis.stop());
    const app = open(connectionOf(redis), 5_000);
    const { id: earlier } = await app.service.createSession({ userId: 'ada' });
    const sentinel = new Redis(redis.sentinels[0]!.url, { disconnectTimeout: 0 });
    cleanUps.push(() => sentinel.disconnect());
    await eventually(async () => expect(await subscriptions(sentinel)).toBe(5));

    await sentinel.call('SENTINEL', 'FAILOVER', redis.name);
    // Until after the announcement of the new master, and before the demotion of the old one.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 3_000);
    const creating = Array.from({ length: 20 }, () => app.service.createSession({ userId: 'ada' }));
    const revoking = app.service.destroySession(earlier);
    const created = await Promise.all(creating);
    await revoking;

    const checking = open(connectionOf(redis), 5_000);
    const users = await Promise.all(
      [...created.map(({ id }) => id), earlier].map((id) => checking.service.validateSession(id)),
    );
    expect(users).toEqual([...created.map(() => ({ id: 'ada' })), null]);
  }, 60_000);

  test('a process that missed the switch leaves the old master when it reaches a Sentinel again', async () => {
    const redis = await startRedisSentinel();
    cleanUps.push(() => redis.stop());
    const proxies = await Promise.all(redis.sentinels.map(({ port }) => lossyProxy(port)));
    cleanUps.push(() => Promise.all(proxies.map((proxy) => proxy.close())));
    const sentinels = addressesOf(proxies.map(({ url }) => ({ port: Number(new URL(url).port) })));
    const app = open({ name: redis.name, sentinels, updateSentinels: false });
    await app.service.createSession({ userId: 'ada' });
    const [, replica] = redis.servers;
    await eventually(async () => expect(portOf(app)).toBe(redis.servers[0]!.port));

    for (const proxy of proxies) proxy.goSilent();
    await redis.failOver();
    // Within the ping interval and the timeout of a ping, and before Sentinel demotes the old master.
    await eventually(async () => expect(portOf(app)).toBe(replica!.port), 9_000);
  }, 60_000);
});

/** How many patterns the clients of a Sentinel subscribe to, besides the other Sentinels. */
async function subscriptions(sentinel: Redis): Promise<number> {
  const clients = String(await sentinel.client('LIST', 'TYPE', 'PUBSUB'));
  return Math.max(0, ...[...clients.matchAll(/ psub=(\d+)/g)].map(([, count]) => Number(count)));
}

/** The server that the application's client is connected to. */
const portOf = ({ client }: Application): number | undefined => (client as Redis).stream.remotePort;

describe('the messages of a Sentinel', () => {
  /** A Redis that plays Sentinel: it passes on the messages that the test publishes. */
  async function start() {
    const sentinel = await startRedis();
    cleanUps.push(() => sentinel.stop());
    const master = await startRedis();
    cleanUps.push(() => master.stop());
    const publisher = new Redis(sentinel.url);
    cleanUps.push(() => publisher.disconnect());
    // The client finds its master by itself; only its watch asks the 'Sentinel'.
    const client = new Redis(master.url);
    cleanUps.push(() => client.disconnect());
    Object.assign(client.options, { name: 'sessions', sentinels: addressesOf([sentinel]) });
    const app = open(client, 150);
    const publish = async (channel: string, message: string) => {
      await eventually(async () => expect(await publisher.publish(channel, message)).toBe(1));
    };
    return { app, publish, port: master.port };
  }
  const create = ({ service }: Application) => service.createSession({ userId: 'ada' });
  const heldBack = {
    code: 'ERR_SESSION_REDIS_UNAVAILABLE',
    message: expect.stringContaining('Sentinel is replacing the master'),
  };

  test.each(['+failover-state-select-slave', '+failover-state-send-slaveof-noone'])(
    'after %s, changes wait and reads do not, until the failover is aborted',
    async (channel) => {
      const { app, publish, port } = await start();
      const { id } = await create(app);
      const message = channel.endsWith('noone')
        ? `slave 127.0.0.1:1 127.0.0.1 1 @ sessions 127.0.0.1 ${port}`
        : `master sessions 127.0.0.1 ${port}`;
      await publish(channel, message);
      await eventually(() => expect(create(app)).rejects.toMatchObject(heldBack));
      await expect(app.service.destroySession(id)).rejects.toMatchObject(heldBack);
      expect(await app.service.validateSession(id)).toEqual({ id: 'ada' });

      await publish('-failover-abort-no-good-slave', `master sessions 127.0.0.1 ${port}`);
      await eventually(() => expect(create(app)).resolves.toBeDefined());
    },
  );

  test('after the promotion, reads wait as well, until the switch', async () => {
    const { app, publish, port } = await start();
    const { id } = await create(app);
    await publish('+promoted-slave', `slave 127.0.0.1:1 127.0.0.1 1 @ sessions 127.0.0.1 ${port}`);
    await eventually(() => expect(app.service.validateSession(id)).rejects.toMatchObject(heldBack));
    await expect(create(app)).rejects.toMatchObject(heldBack);

    await publish('+switch-master', `sessions 127.0.0.1 1 127.0.0.1 ${port}`);
    await eventually(() => expect(create(app)).resolves.toBeDefined());
    expect(await app.service.validateSession(id)).toEqual({ id: 'ada' });
  });

  test('after a switch, a process that is led to the old master again sends it nothing', async () => {
    const { app, publish, port } = await start();
    const { id } = await create(app);
    await publish('+switch-master', `sessions 127.0.0.1 ${port} 127.0.0.1 1`);
    await eventually(() => expect(create(app)).rejects.toBeDefined());
    await expect(app.service.validateSession(id)).rejects.toBeDefined();
    await expect(create(app)).rejects.toBeDefined();
  });

  test('a failover of another master holds nothing back', async () => {
    const { app, publish } = await start();
    await publish('+promoted-slave', 'slave 127.0.0.1:1 127.0.0.1 1 @ others 127.0.0.1 2');
    await publish('+switch-master', 'others 127.0.0.1 2 127.0.0.1 1');
    await expect(create(app)).resolves.toBeDefined();
  });

  test('if the news of the switch never comes, changes are let through after ten seconds', async () => {
    const { app, publish, port } = await start();
    await publish('+failover-state-select-slave', `master sessions 127.0.0.1 ${port}`);
    await eventually(() => expect(create(app)).rejects.toMatchObject(heldBack));
    await eventually(() => expect(create(app)).resolves.toBeDefined(), 15_000);
  }, 30_000);

  test('closing lets through what waits, and closes the connections to Sentinel', async () => {
    const sentinel = await startRedis();
    cleanUps.push(() => sentinel.stop());
    const admin = new Redis(sentinel.url);
    cleanUps.push(() => admin.disconnect());
    const opened = openRedis({ name: 'sessions', sentinels: addressesOf([sentinel]) }, 500);
    const subscribers = async () => admin.client('LIST', 'TYPE', 'PUBSUB');
    await eventually(async () => expect(await subscribers()).toContain('psub=5'));
    opened.handover!.hold('all');
    const waiting = opened.handover!.untilReads();
    await opened.close();
    await waiting;
    await eventually(async () => expect(await subscribers()).toBe(''));
  });
});
