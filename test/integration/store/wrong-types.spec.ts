import { describe, expect, test } from '@jest/globals';

import { bucketOf } from '../../../src/store/session-id.js';
import type { Session } from '../../../src/session/session.js';
import { type Application } from '../../support/application.js';
import { HOUR, MINUTE } from '../../support/durations.js';
import { dumpKeys } from '../../support/key-dump.js';
import { letTimePass } from '../../support/move-time.js';
import { eventsOf } from '../../support/outbox.js';
import { useRedis } from '../../support/use-redis.js';

// A Lua error does not undo earlier writes. So if a key has the wrong type, a script must fail before
// its first write.
describe('keys of the wrong type', () => {
  const fixture = useRedis();
  const rejection = { code: 'ERR_SESSION_REDIS_REFUSED' };
  const dump = ({ prefix }: Application) => dumpKeys(fixture.redis, `${prefix}:`);

  /** Replaces a key by a string during the action, and restores it afterwards. */
  const withForeignKey = async (app: Application, key: string, action: () => Promise<void>) => {
    const exists = (await app.client.exists(key)) === 1;
    if (exists) await app.client.rename(key, `foreign:${key}`);
    await app.client.set(key, 'foreign');
    try {
      await action();
      expect(await app.client.get(key)).toBe('foreign');
    } finally {
      await app.client.del(key);
      if (exists) await app.client.rename(`foreign:${key}`, key);
    }
  };

  const keysOf = (app: Application, userId: string) => {
    const keys = app.buckets.keysOf(bucketOf(userId, app.buckets.count));
    return { outbox: keys.outbox, expiryIndex: keys.expiryIndex, userSet: keys.userSet(userId) };
  };

  const operations: [string, (app: Application, session: Session) => Promise<unknown>][] = [
    ['creating', ({ service }) => service.createSession({ userId: 'ada' })],
    ['rotating', ({ service }, { id }) => service.rotateSession(id)],
    ['validating', ({ service }, { id }) => service.validateSession(id)],
    ['updating', ({ service }, { id }) => service.updateSessionData(id, { a: 1 })],
    ['ending', ({ service }, { id }) => service.destroySession(id)],
    ['logging out everywhere', ({ service }) => service.invalidateAllUserSessions('ada')],
    ['sweeping', (app) => app.upkeep.sweepAll()],
  ];

  describe.each(['outbox', 'expiryIndex'] as const)('another type in place of the %s', (name) => {
    test.each(operations)('%s a session is rejected and writes nothing', async (_, operation) => {
      const app = fixture.open({ idleTimeout: 30 * MINUTE, maxSessionsPerUser: 1 });
      const session = await app.service.createSession({ userId: 'ada', expires: 2 * HOUR });
      await letTimePass(app, 10 * MINUTE);
      await withForeignKey(app, keysOf(app, 'ada')[name], async () => {
        const before = await dump(app);
        await expect(operation(app, session)).rejects.toMatchObject(rejection);
        expect(await dump(app)).toEqual(before);
      });
    });
  });

  describe("another type in place of the user's set", () => {
    const needed = operations.filter(([name]) =>
      /creating|rotating|validating|everywhere/.test(name),
    );
    test.each(needed)('%s a session is rejected and writes nothing', async (_, operation) => {
      const app = fixture.open({ idleTimeout: 30 * MINUTE });
      const session = await app.service.createSession({ userId: 'ada', expires: 2 * HOUR });
      await letTimePass(app, 10 * MINUTE);
      await withForeignKey(app, keysOf(app, 'ada').userSet, async () => {
        const before = await dump(app);
        await expect(operation(app, session)).rejects.toMatchObject(rejection);
        expect(await dump(app)).toEqual(before);
      });
    });

    test('a session can still be ended, and the foreign key stays untouched', async () => {
      const app = fixture.open();
      const { id, handle } = await app.service.createSession({ userId: 'ada' });
      await withForeignKey(app, keysOf(app, 'ada').userSet, async () => {
        await app.service.destroySession(id);
      });
      expect(await app.service.validateSession(id)).toBeNull();
      expect(await eventsOf(app, handle)).toHaveLength(2);
      await app.client.del(keysOf(app, 'ada').userSet);
    });

    test('the sweep still handles this user and all others', async () => {
      const app = fixture.open({ buckets: 1 });
      for (const userId of ['ada', 'bob']) {
        await app.service.createSession({ userId, expires: HOUR });
        await app.service.createSession({ userId, expires: 3 * HOUR });
      }
      await letTimePass(app, 2 * HOUR);
      await withForeignKey(app, keysOf(app, 'ada').userSet, () => app.upkeep.sweepAll());
      expect(await app.client.zcard(keysOf(app, 'ada').expiryIndex)).toBe(2);
    });
  });

  test('a foreign type in place of a session record is rejected, and nothing is written', async () => {
    const app = fixture.open({ idleTimeout: 30 * MINUTE });
    const session = await app.service.createSession({ userId: 'ada' });
    const keys = app.buckets.keysOf(bucketOf('ada', app.buckets.count));
    const key = keys.session(session.handle.slice(2));
    await app.client.rename(key, `kept:${key}`);
    await app.client.rpush(key, 'foreign');
    const before = await rawKeys(app);
    const unaffected = ['creating', 'sweeping'];
    for (const [name, operation] of operations) {
      if (unaffected.includes(name)) continue;
      await expect(operation(app, session)).rejects.toMatchObject(rejection);
      expect(await rawKeys(app)).toEqual(before);
    }
    await app.client.rename(`kept:${key}`, key);
    expect(await app.service.validateSession(session.id)).toEqual({ id: 'ada' });
  });

  test('an error about an invalid record names its key', async () => {
    const app = fixture.open();
    const { id, handle } = await app.service.createSession({ userId: 'ada' });
    const key = app.buckets.keysOf(bucketOf('ada', 16)).session(handle.slice(2));
    const record = (await app.client.getBuffer(key))!;
    await app.client.set(key, 'foreign', 'KEEPTTL');
    await expect(app.service.destroySession(id)).rejects.toMatchObject({
      ...rejection,
      message: expect.stringContaining(key),
    });
    for (const text of ['foreign', '', 'a\x1fb\x1f\x1fc\x1f\x1f\x1f\x1f']) {
      await app.client.set(key, text, 'KEEPTTL');
      await expect(app.service.validateSession(id)).rejects.toMatchObject(rejection);
      await expect(app.service.listUserSessions('ada')).rejects.toMatchObject(rejection);
    }
    await app.client.set(key, record, 'KEEPTTL');
  });

  test('if the expiry index was lost, sessions can be ended, and the events added later', async () => {
    const app = fixture.open();
    const session = await app.service.createSession({ userId: 'ada' });
    const { id, handle, userId, createdAt, expiresAt } = session;
    await app.client.del(keysOf(app, 'ada').expiryIndex);
    await app.service.destroySession(id);
    expect(await app.service.validateSession(id)).toBeNull();
    expect(await app.service.listUserSessions('ada')).toEqual([]);
    expect(await eventsOf(app, handle)).toHaveLength(1); // without its index entry, no end can be recorded

    const address = { bucket: bucketOf('ada', 16), digest: handle.slice(2) };
    const lost = { createdAt: createdAt.getTime(), userId, expiresAt: expiresAt.getTime() };
    await app.upkeep.declareLost(address, lost);
    expect(await eventsOf(app, handle)).toMatchObject([{}, { reason: 'lost' }]);
  });

  test('foreign members of the expiry index are removed by the sweep', async () => {
    const app = fixture.open({ buckets: 1 });
    const { expiryIndex } = app.buckets.keysOf(0);
    await app.client.zadd(expiryIndex, 1, 'foreign', 2, ':::', 3, '');
    await app.service.createSession({ userId: 'ada', expires: HOUR });
    await app.upkeep.sweepAll();
    expect(await app.client.zcard(expiryIndex)).toBe(1);
  });

  /** All keys with their raw values, as `dumpKeys` would need to know the foreign types. */
  const rawKeys = async ({ prefix }: Application) => {
    const node = fixture.redis.nodes[0]!;
    const keys = (await node.keys(`${prefix}:*`)).toSorted();
    return Promise.all(keys.map(async (key) => [key, await node.dumpBuffer(key)]));
  };
});
