import { describe, expect, test } from '@jest/globals';

import { bucketOf } from '../../../src/store/session-id.js';
import type { Session } from '../../../src/session/session.js';
import { type Application } from '../../support/application.js';
import { HOUR, MINUTE } from '../../support/durations.js';
import { dumpKeys } from '../../support/key-dump.js';
import { letTimePass } from '../../support/move-time.js';
import { eventsOf } from '../../support/outbox.js';
import { singleRedis } from '../../support/redis-under-test.js';
import { useRedis } from '../../support/use-redis.js';

// A Lua error keeps what was written before it. So where one of the keys is not ours, a script
// must fail before its first write.
describe('where a key holds something foreign', () => {
  const fixture = useRedis(singleRedis);
  const refused = { code: 'ERR_SESSION_REDIS_REFUSED' };
  const dump = ({ prefix }: Application) => dumpKeys(fixture.redis, `${prefix}:`);

  /** Puts text in the place of a key while something is done, and the key back afterwards. */
  const withForeign = async (app: Application, key: string, action: () => Promise<void>) => {
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
    ['beginning', ({ service }) => service.createSession({ userId: 'ada' })],
    ['rotating', ({ service }, { id }) => service.rotateSession(id)],
    ['using', ({ service }, { id }) => service.validateSession(id)],
    ['changing the data', ({ service }, { id }) => service.updateSessionData(id, { a: 1 })],
    ['ending', ({ service }, { id }) => service.destroySession(id)],
    ['logging out everywhere', ({ service }) => service.invalidateAllUserSessions('ada')],
    ['sweeping', (app) => app.upkeep.sweepAll()],
  ];

  describe.each(['outbox', 'expiryIndex'] as const)('in place of the %s', (name) => {
    test.each(operations)('%s a session is refused, and writes nothing', async (_, operation) => {
      const app = fixture.open({ idleTimeout: 30 * MINUTE, maxSessionsPerUser: 1 });
      const session = await app.service.createSession({ userId: 'ada', expires: 2 * HOUR });
      await letTimePass(app, 10 * MINUTE);
      await withForeign(app, keysOf(app, 'ada')[name], async () => {
        const before = await dump(app);
        await expect(operation(app, session)).rejects.toMatchObject(refused);
        expect(await dump(app)).toEqual(before);
      });
    });
  });

  describe("in place of the user's set", () => {
    const needed = operations.filter(([name]) => /beginning|rotating|using|everywhere/.test(name));
    test.each(needed)('%s a session is refused, and writes nothing', async (_, operation) => {
      const app = fixture.open({ idleTimeout: 30 * MINUTE });
      const session = await app.service.createSession({ userId: 'ada', expires: 2 * HOUR });
      await letTimePass(app, 10 * MINUTE);
      await withForeign(app, keysOf(app, 'ada').userSet, async () => {
        const before = await dump(app);
        await expect(operation(app, session)).rejects.toMatchObject(refused);
        expect(await dump(app)).toEqual(before);
      });
    });

    test('a session still ends, and the set is left alone', async () => {
      const app = fixture.open();
      const { id, handle } = await app.service.createSession({ userId: 'ada' });
      await withForeign(app, keysOf(app, 'ada').userSet, async () => {
        await app.service.destroySession(id);
      });
      expect(await app.service.validateSession(id)).toBeNull();
      expect(await eventsOf(app, handle)).toHaveLength(2);
      await app.client.del(keysOf(app, 'ada').userSet);
    });

    test('the sweep goes on, for this user and for all others', async () => {
      const app = fixture.open({ buckets: 1 });
      for (const userId of ['ada', 'bob']) {
        await app.service.createSession({ userId, expires: HOUR });
        await app.service.createSession({ userId, expires: 3 * HOUR });
      }
      await letTimePass(app, 2 * HOUR);
      await withForeign(app, keysOf(app, 'ada').userSet, () => app.upkeep.sweepAll());
      expect(await app.client.zcard(keysOf(app, 'ada').expiryIndex)).toBe(2);
    });
  });

  test("in place of a session's record, whatever needs it is refused, and writes nothing", async () => {
    const app = fixture.open({ idleTimeout: 30 * MINUTE });
    const session = await app.service.createSession({ userId: 'ada' });
    const keys = app.buckets.keysOf(bucketOf('ada', app.buckets.count));
    const key = keys.session(session.handle.slice(2));
    await app.client.rename(key, `kept:${key}`);
    await app.client.rpush(key, 'foreign');
    const before = await keysAround(app);
    // A batch of reads tells nothing of a single key's type: the session is just not valid.
    const unaffected = ['beginning', 'sweeping', 'using'];
    expect(await app.service.validateSession(session.id)).toBeNull();
    for (const [name, operation] of operations) {
      if (unaffected.includes(name)) continue;
      await expect(operation(app, session)).rejects.toMatchObject(refused);
      expect(await keysAround(app)).toEqual(before);
    }
    await app.client.rename(`kept:${key}`, key);
    expect(await app.service.validateSession(session.id)).toEqual({ id: 'ada' });
  });

  test('in place of a record there is text that is none: the error says which key', async () => {
    const app = fixture.open();
    const { id, handle } = await app.service.createSession({ userId: 'ada' });
    const key = app.buckets.keysOf(bucketOf('ada', 16)).session(handle.slice(2));
    const record = (await app.client.getBuffer(key))!;
    await app.client.set(key, 'foreign', 'KEEPTTL');
    await expect(app.service.destroySession(id)).rejects.toMatchObject({
      ...refused,
      message: expect.stringContaining(key),
    });
    for (const text of ['foreign', '', 'a\x1fb\x1f\x1fc\x1f\x1f\x1f\x1f']) {
      await app.client.set(key, text, 'KEEPTTL');
      await expect(app.service.validateSession(id)).rejects.toMatchObject(refused);
      await expect(app.service.listUserSessions('ada')).rejects.toMatchObject(refused);
    }
    await app.client.set(key, record, 'KEEPTTL');
  });

  test('where the expiry index was lost, a session still ends, and its end can be made up for', async () => {
    const app = fixture.open();
    const {
      id,
      handle,
      userId,
      createdAt,
      expiresAt: expires,
    } = await app.service.createSession({
      userId: 'ada',
    });
    await app.client.del(keysOf(app, 'ada').expiryIndex);
    await app.service.destroySession(id);
    expect(await app.service.validateSession(id)).toBeNull();
    expect(await app.service.listUserSessions('ada')).toEqual([]);
    expect(await eventsOf(app, handle)).toHaveLength(1); // the right to write its end was lost

    const address = { bucket: bucketOf('ada', 16), digest: handle.slice(2) };
    const lost = { createdAt: createdAt.getTime(), userId, expiresAt: expires.getTime() };
    await app.upkeep.declareLost(address, lost);
    expect(await eventsOf(app, handle)).toMatchObject([{}, { reason: 'lost' }]);
  });

  test('a member of the expiry index that is not ours is removed, and holds nothing up', async () => {
    const app = fixture.open({ buckets: 1 });
    const { expiryIndex } = app.buckets.keysOf(0);
    await app.client.zadd(expiryIndex, 1, 'foreign', 2, ':::', 3, '');
    await app.service.createSession({ userId: 'ada', expires: HOUR });
    await app.upkeep.sweepAll();
    expect(await app.client.zcard(expiryIndex)).toBe(1);
  });

  /** All keys but for the value of the foreign list, which the dump doesn't know. */
  const keysAround = async ({ prefix }: Application) => {
    const node = fixture.redis.nodes[0]!;
    const keys = (await node.keys(`${prefix}:*`)).toSorted();
    return Promise.all(keys.map(async (key) => [key, await node.dumpBuffer(key)]));
  };
});
