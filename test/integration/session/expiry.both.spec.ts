import { describe, expect, test } from '@jest/globals';

import type { Duration } from '../../../src/session/duration.js';
import type { SessionService } from '../../../src/session/session.service.js';
import { DAY, HOUR, MINUTE, SECOND } from '../../support/durations.js';
import { testOnRedis, useContract } from '../../support/use-contract.js';

describe('the absolute expiry', () => {
  const fixture = useContract();

  const lifetimeOf = async (service: SessionService, expires?: Duration | Date) => {
    const session = await service.createSession({ userId: 'ada', expires });
    return session.expiresAt.getTime() - session.createdAt.getTime();
  };

  test('a number is a lifetime in milliseconds, and a text has a unit', async () => {
    const { service } = fixture.open();
    expect(await lifetimeOf(service, 90 * MINUTE)).toBe(90 * MINUTE);
    expect(await lifetimeOf(service, 1)).toBe(1);
    expect(await lifetimeOf(service, 1500.9)).toBe(1500);
    expect(await lifetimeOf(service, 30 * DAY)).toBe(30 * DAY);
    expect(await lifetimeOf(service, '8h')).toBe(8 * HOUR);
  });

  test('a Date, or a number that can only be a timestamp, is the time of expiry', async () => {
    const app = fixture.open();
    const time = (await app.now('ada')) + HOUR;
    const byDate = await app.service.createSession({ userId: 'ada', expires: new Date(time) });
    const byNumber = await app.service.createSession({ userId: 'ada', expires: time });
    expect(byDate.expiresAt.getTime()).toBe(time);
    expect(byNumber.expiresAt.getTime()).toBe(time);
  });

  test("without `expires`, the session gets the application's lifetime", async () => {
    const { service } = fixture.open({ lifetime: 20 * MINUTE });
    expect(await lifetimeOf(service)).toBe(20 * MINUTE);
    expect(await lifetimeOf(service, undefined)).toBe(20 * MINUTE);
  });

  describe('an invalid `expires`', () => {
    const now = Date.now();
    test.each<[string, number | Date, RegExp]>([
      ['NaN', Number.NaN, /not NaN/],
      ['zero', 0, /must be positive, not 0/],
      ['less than a millisecond', 0.5, /must be positive, not 0.5/],
      ['a negative lifetime', -HOUR, /must be positive, not -3600000/],
      ['infinity', Number.POSITIVE_INFINITY, /not Infinity/],
      ['an invalid Date', new Date('tomorrow'), /not Invalid Date/],
      ['a string', '3600' as unknown as number, /not "3600"/],
      ['Unix seconds', Math.floor((now + DAY) / 1000), /Unix seconds/],
      ['null', null as unknown as number, /not null/],
      ['an object', { toString: 1 } as unknown as number, /not an object/],
      ['a Date in the past', new Date(now - MINUTE), /is in the past/],
      ['a timestamp in the past', now - MINUTE, /is in the past/],
      ['a time before 1970', new Date(-1), /is in the past/],
      ['1970', new Date(0), /is in the past/],
      ['a lifetime beyond the maximum', 30 * DAY + 1, /further ahead than `maxLifetime`/],
      ['a Date beyond the maximum', new Date(now + 31 * DAY), /further ahead than `maxLifetime`/],
      ['the latest possible Date', new Date(8.64e15), /further ahead than `maxLifetime`/],
      ['a timestamp beyond the range of Date', 1e300, /further ahead than `maxLifetime`/],
    ])('%s is rejected, and no session is created', async (_, expires, message) => {
      const app = fixture.open();
      await expect(app.service.createSession({ userId: 'ada', expires })).rejects.toMatchObject({
        code: 'ERR_SESSION_EXPIRES',
        message: expect.stringMatching(message),
      });
      expect(await app.events()).toEqual([]);
      expect(await app.service.listUserSessions('ada')).toEqual([]);
    });
  });

  testOnRedis("expiry is decided by Redis's clock, not by the application's", async () => {
    const app = fixture.open();
    const time = new Date((await app.now('ada')) + 10 * MINUTE);
    const realNow = Date.now;
    Date.now = () => realNow() + DAY;
    try {
      const session = await app.service.createSession({ userId: 'ada', expires: time });
      expect(await app.service.validateSession(session.id)).toEqual({ id: 'ada' });
    } finally {
      Date.now = realNow;
    }
  });

  test('an expired session is invalid at once, and the sweep records the exact time', async () => {
    const app = fixture.open();
    const session = await app.service.createSession({ userId: 'ada', expires: HOUR });
    const { id, handle, expiresAt } = session;

    await app.letTimePass(HOUR - 10 * SECOND, 'ada');
    expect(await app.service.validateSession(id)).toEqual({ id: 'ada' });
    expect(await app.sweep(Number.parseInt(handle.slice(0, 2), 16))).toBe(false);
    expect(await app.eventsOf(handle)).toHaveLength(1);

    await app.letTimePass(3 * DAY, 'ada');
    expect(await app.service.validateSession(id)).toBeNull();
    expect(await app.service.getSession(id)).toBeNull();
    expect(await app.service.listUserSessions('ada')).toEqual([]);
    await expect(app.service.rotateSession(id)).rejects.toMatchObject({
      code: 'ERR_SESSION_NOT_FOUND',
    });
    await app.service.destroySession(id);
    expect(await app.eventsOf(handle)).toHaveLength(1);

    await app.sweepAll();
    expect(await app.eventsOf(handle)).toMatchObject([
      { event: 'created' },
      {
        event: 'destroyed',
        reason: 'expired',
        actor: '',
        occurredAt: expiresAt.getTime() - app.moved(),
      },
    ]);
  });

  test("a session of a few milliseconds expires without a sweep, by Redis's clock", async () => {
    const app = fixture.open();
    const session = await app.service.createSession({ userId: 'ada', expires: 20 });
    const { id, handle, expiresAt } = session;
    while ((await app.now('ada')) <= expiresAt.getTime()) continue;
    expect(await app.service.validateSession(id)).toBeNull();
    await app.sweepAll();
    expect((await app.eventsOf(handle)).at(-1)).toMatchObject({
      event: 'destroyed',
      occurredAt: expiresAt.getTime(),
    });
  });

  testOnRedis(
    'many sessions that expired long ago are swept in batches, each recorded once',
    async () => {
      const app = fixture.openOnRedis({ buckets: 1 });
      const creating = Array.from({ length: 600 }, (_, n) =>
        app.service.createSession({ userId: `user ${n % 7}`, expires: HOUR + n }),
      );
      const sessions = await Promise.all(creating);
      await app.letTimePass(2 * HOUR, 'ada');

      expect(await app.sweep(0)).toBe(true);
      expect(await app.sweep(0)).toBe(true);
      expect(await app.sweep(0)).toBe(false);
      expect(await app.sweep(0)).toBe(false);
      const ended = (await app.events()).filter(({ event }) => event === 'destroyed');
      expect(ended.map(({ handle }) => handle).toSorted()).toEqual(
        sessions.map(({ handle }) => handle).toSorted(),
      );
      const { client, buckets } = app.application;
      expect(await client.zcard(buckets.keysOf(0).expiryIndex)).toBe(0);
    },
  );
});
