import { describe, expect, test } from '@jest/globals';

import { HOUR, MINUTE } from '../../support/durations.js';
import { dumpKeys } from '../../support/key-dump.js';
import { letTimePass } from '../../support/move-time.js';
import { eventsOf, readOutbox } from '../../support/outbox.js';
import { useRedis } from '../../support/use-redis.js';

describe('a Redis that is out of memory', () => {
  const fixture = useRedis();
  const full = { code: 'ERR_SESSION_REDIS_FULL' };

  const setMemory = async (bytes: string) => {
    for (const node of fixture.redis.nodes) await node.config('SET', 'maxmemory', bytes);
  };
  const whileFull = async (action: () => Promise<void>) => {
    await setMemory('1');
    try {
      await action();
    } finally {
      await setMemory('0');
    }
  };

  test('without memory, nothing can be created or changed, and failed calls leave nothing behind', async () => {
    const app = fixture.open({ maxSessionsPerUser: 1 });
    const { id } = await app.service.createSession({ userId: 'ada' });
    const before = await dumpKeys(fixture.redis, `${app.prefix}:`);
    await whileFull(async () => {
      for (const userId of ['ada', 'bob']) {
        await expect(app.service.createSession({ userId })).rejects.toMatchObject(full);
      }
      await expect(app.service.rotateSession(id)).rejects.toMatchObject(full);
      await expect(app.service.updateSessionData(id, { a: 1 })).rejects.toMatchObject(full);
      expect(await dumpKeys(fixture.redis, `${app.prefix}:`)).toEqual(before);
      expect(await app.service.validateSession(id)).toEqual({ id: 'ada' });
    });
    await app.service.createSession({ userId: 'bob' });
  });

  test('without memory, sessions can still be ended, by ID, by handle or all at once', async () => {
    const app = fixture.open();
    const [first, second, ...others] = await Promise.all(
      Array.from({ length: 300 }, () => app.service.createSession({ userId: 'ada' })),
    );
    await whileFull(async () => {
      await app.service.destroySession(first!.id);
      await app.service.destroySessionByHandle(second!.handle);
      expect(await app.service.listUserSessions('ada')).toHaveLength(others.length);
      await app.service.invalidateAllUserSessions('ada');
      expect(await app.service.listUserSessions('ada')).toEqual([]);
    });
    expect(await readOutbox(app)).toHaveLength(600);
  });

  test('without memory, uses are still recorded and sessions swept', async () => {
    const app = fixture.open({ idleTimeout: 30 * MINUTE });
    const used = await app.service.createSession({ userId: 'ada', expires: 2 * HOUR });
    const unused = await app.service.createSession({ userId: 'bob', expires: 2 * HOUR });
    await letTimePass(app, 20 * MINUTE);
    await whileFull(async () => {
      expect(await app.service.validateSession(used.id)).toEqual({ id: 'ada' });
    });
    await letTimePass(app, 20 * MINUTE);
    await whileFull(async () => {
      await app.upkeep.sweepAll();
      expect(await app.service.validateSession(used.id)).toEqual({ id: 'ada' });
    });
    expect(await eventsOf(app, used.handle)).toHaveLength(1);
    expect(await eventsOf(app, unused.handle)).toMatchObject([{}, { reason: 'expired' }]);
  });

  test('a session is created completely or not at all as memory runs out', async () => {
    const app = fixture.open({ buckets: 1 });
    const used = async () => {
      const infos = await Promise.all(fixture.redis.nodes.map((node) => node.info('memory')));
      return Math.max(...infos.map((info) => Number(/used_memory:(\d+)/.exec(info)![1])));
    };
    await app.service.createSession({ userId: 'ada' });
    await setMemory(String((await used()) + 2_000_000));
    const data = { text: 'x'.repeat(16_000) };
    let count = 1;
    const fill = async () => {
      while (count < 1000) {
        await app.service.createSession({ userId: 'ada', data });
        count += 1;
      }
    };
    await expect(fill()).rejects.toMatchObject(full);
    expect(await app.service.listUserSessions('ada')).toHaveLength(count);
    expect(await readOutbox(app)).toHaveLength(count);
    await app.service.invalidateAllUserSessions('ada');
    await app.service.createSession({ userId: 'ada', data });
    await setMemory('0');
  });
});
