import { describe, expect, test } from '@jest/globals';

import type { SessionService } from '../../../../src/session/session.service.js';
import { DAY, HOUR, MINUTE, redisTime, SECOND, sweepAll } from '../../../support/application.js';
import { letTimePassFor } from '../../../support/move-time.js';
import { eventsOf, readOutbox } from '../../../support/outbox.js';
import type { Ground } from '../../../support/use-redis.js';

export function expiry(ground: Ground): void {
  const lifetimeOf = async (service: SessionService, expires?: number | Date) => {
    const session = await service.createSession({ userId: 'ada', expires });
    return session.expiresAt.getTime() - session.createdAt.getTime();
  };

  test('a number is a lifetime in milliseconds', async () => {
    const { service } = ground.open();
    expect(await lifetimeOf(service, 90 * MINUTE)).toBe(90 * MINUTE);
    expect(await lifetimeOf(service, 1)).toBe(1);
    expect(await lifetimeOf(service, 1500.9)).toBe(1500);
    expect(await lifetimeOf(service, 30 * DAY)).toBe(30 * DAY);
  });

  test('a Date, or a number that can only be a moment, is that moment', async () => {
    const app = ground.open();
    const moment = (await redisTime(app, 'ada')) + HOUR;
    const byDate = await app.service.createSession({ userId: 'ada', expires: new Date(moment) });
    const byNumber = await app.service.createSession({ userId: 'ada', expires: moment });
    expect(byDate.expiresAt.getTime()).toBe(moment);
    expect(byNumber.expiresAt.getTime()).toBe(moment);
  });

  test("left out, it is the application's own lifetime", async () => {
    const { service } = ground.open({ lifetime: 20 * MINUTE });
    expect(await lifetimeOf(service)).toBe(20 * MINUTE);
    expect(await lifetimeOf(service, undefined)).toBe(20 * MINUTE);
  });

  describe('is refused, and nothing begins', () => {
    const now = Date.now();
    test.each<[string, number | Date, RegExp]>([
      ['NaN', Number.NaN, /not NaN/],
      ['zero', 0, /must be positive, not 0/],
      ['less than a millisecond', 0.5, /must be positive, not 0.5/],
      ['a negative lifetime', -HOUR, /must be positive, not -3600000/],
      ['infinity', Number.POSITIVE_INFINITY, /not Infinity/],
      ['a Date that is none', new Date('tomorrow'), /not Invalid Date/],
      ['text', '3600' as unknown as number, /not "3600"/],
      ['null', null as unknown as number, /not null/],
      ['what JSON can make of it', { toString: 1 } as unknown as number, /not an object/],
      ['the past, as a Date', new Date(now - MINUTE), /is in the past/],
      ['the past, as a number', now - MINUTE, /is in the past/],
      ['a time before 1970', new Date(-1), /is in the past/],
      ['1970', new Date(0), /is in the past/],
      ['a lifetime above the maximum', 30 * DAY + 1, /further ahead than `maxLifetime`/],
      ['a moment above the maximum', new Date(now + 31 * DAY), /further ahead than `maxLifetime`/],
      ['the largest Date', new Date(8.64e15), /further ahead than `maxLifetime`/],
      ['a moment that no Date can be', 1e300, /further ahead than `maxLifetime`/],
    ])('%s', async (_, expires, message) => {
      const app = ground.open();
      await expect(app.service.createSession({ userId: 'ada', expires })).rejects.toMatchObject({
        code: 'ERR_SESSION_EXPIRES',
        message: expect.stringMatching(message),
      });
      expect(await readOutbox(app)).toEqual([]);
      expect(await app.service.listUserSessions('ada')).toEqual([]);
    });
  });

  test("the application's clock decides nothing: a moment is judged by Redis's", async () => {
    const app = ground.open();
    const moment = new Date((await redisTime(app, 'ada')) + 10 * MINUTE);
    const realNow = Date.now;
    Date.now = () => realNow() + DAY;
    try {
      const session = await app.service.createSession({ userId: 'ada', expires: moment });
      expect(await app.service.validateSession(session.id)).toEqual({ id: 'ada' });
    } finally {
      Date.now = realNow;
    }
  });

  test('a session is over from its end on, and the sweep records the true moment', async () => {
    const app = ground.open();
    const {
      id,
      handle,
      expiresAt: expires,
    } = await app.service.createSession({
      userId: 'ada',
      expires: HOUR,
    });

    await letTimePassFor(app, 'ada', HOUR - 10 * SECOND);
    expect(await app.service.validateSession(id)).toEqual({ id: 'ada' });
    expect(await app.upkeep.sweep(Number.parseInt(handle.slice(0, 2), 16))).toBe(false);
    expect(await eventsOf(app, handle)).toHaveLength(1);

    await letTimePassFor(app, 'ada', 3 * DAY);
    expect(await app.service.validateSession(id)).toBeNull();
    expect(await app.service.getSession(id)).toBeNull();
    expect(await app.service.listUserSessions('ada')).toEqual([]);
    await expect(app.service.rotateSession(id)).rejects.toMatchObject({
      code: 'ERR_SESSION_NOT_FOUND',
    });
    await app.service.destroySession(id);
    expect(await eventsOf(app, handle)).toHaveLength(1);

    await sweepAll(app);
    const passed = HOUR - 10 * SECOND + 3 * DAY;
    expect(await eventsOf(app, handle)).toMatchObject([
      { event: 'created' },
      { event: 'destroyed', reason: 'expired', actor: '', at: expires.getTime() - passed },
    ]);
  });

  test("a session of a few milliseconds ends by Redis's clock alone", async () => {
    const app = ground.open();
    const {
      id,
      handle,
      expiresAt: expires,
    } = await app.service.createSession({ userId: 'ada', expires: 20 });
    while ((await redisTime(app, 'ada')) <= expires.getTime()) continue;
    expect(await app.service.validateSession(id)).toBeNull();
    await sweepAll(app);
    expect((await eventsOf(app, handle)).at(-1)).toMatchObject({
      event: 'destroyed',
      at: expires.getTime(),
    });
  });

  test('many sessions that ended long ago are swept in batches, each recorded once', async () => {
    const app = ground.open({ buckets: 1 });
    const begun = Array.from({ length: 600 }, (_, n) =>
      app.service.createSession({ userId: `user ${n % 7}`, expires: HOUR + n }),
    );
    const sessions = await Promise.all(begun);
    await letTimePassFor(app, 'ada', 2 * HOUR);

    expect(await app.upkeep.sweep(0)).toBe(true);
    expect(await app.upkeep.sweep(0)).toBe(true);
    expect(await app.upkeep.sweep(0)).toBe(false);
    expect(await app.upkeep.sweep(0)).toBe(false);
    const ended = (await readOutbox(app)).filter(({ event }) => event === 'destroyed');
    expect(ended.map(({ handle }) => handle).toSorted()).toEqual(
      sessions.map(({ handle }) => handle).toSorted(),
    );
    expect(await app.client.zcard(app.store.buckets.keysOf(0).expiryIndex)).toBe(0);
  });
}
