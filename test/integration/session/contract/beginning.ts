import { expect, test } from '@jest/globals';

import { digestOf } from '../../../../src/store/session-id.js';
import { HOUR, MINUTE, redisTime } from '../../../support/application.js';
import { eventsOf, readOutbox } from '../../../support/outbox.js';
import type { Ground } from '../../../support/use-redis.js';

export function beginning(ground: Ground): void {
  test('a session begins with an ID, a handle, and an end in twelve hours', async () => {
    const app = ground.open();
    const before = await redisTime(app, 'ada');
    const session = await app.service.createSession({ userId: 'ada' });
    const after = await redisTime(app, 'ada');

    expect(session.id).toMatch(/^[0-9a-f]{2}[\w-]{43}$/);
    expect(session.handle).toBe(session.id.slice(0, 2) + digestOf(session.id));
    expect(session.userId).toBe('ada');
    expect(session.createdAt.getTime()).toBeGreaterThanOrEqual(before);
    expect(session.createdAt.getTime()).toBeLessThanOrEqual(after);
    expect(session.expiresAt.getTime() - session.createdAt.getTime()).toBe(12 * HOUR);
  });

  test('its beginning is in the outbox: who, when, until when, from where', async () => {
    const app = ground.open({ idleTimeout: MINUTE });
    const client = { ip: '203.0.113.7', userAgent: 'Firefox/140' };
    const session = await app.service.createSession({ userId: 'ada', expires: HOUR, client });

    expect(await readOutbox(app)).toEqual([
      {
        event: 'created',
        handle: session.handle,
        userId: 'ada',
        createdAt: session.createdAt.getTime(),
        at: session.createdAt.getTime(),
        ends: session.expiresAt.getTime(),
        reason: '',
        actor: '',
        ...client,
      },
    ]);
  });

  test('a user can have many sessions, each with an ID and a beginning of its own', async () => {
    const app = ground.open();
    const sessions = await Promise.all(
      Array.from({ length: 50 }, () => app.service.createSession({ userId: 'ada' })),
    );

    expect(new Set(sessions.map(({ id }) => id)).size).toBe(50);
    const handles = (await readOutbox(app)).map(({ handle }) => handle);
    expect(handles.toSorted()).toEqual(sessions.map(({ handle }) => handle).toSorted());
  });

  test('the sessions of many users spread over all buckets', async () => {
    const app = ground.open({ buckets: 8 });
    const sessions = await Promise.all(
      Array.from({ length: 200 }, (_, n) => app.service.createSession({ userId: `user ${n}` })),
    );
    const buckets = new Set(sessions.map(({ id }) => id.slice(0, 2)));
    expect([...buckets].toSorted()).toEqual(['00', '01', '02', '03', '04', '05', '06', '07']);
  });

  test('two applications on one Redis know nothing of each other', async () => {
    const shop = ground.open();
    const forum = ground.open();
    const session = await shop.service.createSession({ userId: 'ada' });

    expect(await forum.service.validateSession(session.id)).toBeNull();
    expect(await forum.service.listUserSessions('ada')).toEqual([]);
    await forum.service.destroySession(session.id);
    await forum.service.invalidateAllUserSessions('ada');
    expect(await shop.service.validateSession(session.id)).toEqual({ id: 'ada' });
    expect(await eventsOf(shop, session.handle)).toHaveLength(1);
  });

  test('no session begins while too many events wait for Postgres; those that are may end', async () => {
    const app = ground.open({ backlogLimit: 2, buckets: 1 });
    const first = await app.service.createSession({ userId: 'ada' });
    const second = await app.service.createSession({ userId: 'bob' });

    await expect(app.service.createSession({ userId: 'eve' })).rejects.toMatchObject({
      code: 'ERR_SESSION_BACKLOG',
    });
    expect(await app.service.listUserSessions('eve')).toEqual([]);
    expect(await app.service.validateSession(first.id)).toEqual({ id: 'ada' });
    await app.service.destroySession(first.id);
    await app.service.invalidateAllUserSessions('bob');
    expect(await app.service.validateSession(second.id)).toBeNull();
    expect(await readOutbox(app)).toHaveLength(4);
  });
}
