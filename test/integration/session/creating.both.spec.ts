import { describe, expect, test } from '@jest/globals';

import { digestOf } from '../../../src/store/session-id.js';
import { HOUR, MINUTE } from '../../support/durations.js';
import { issuedIds } from '../../support/issued-ids.js';
import { testOnRedis, useContract } from '../../support/use-contract.js';

describe('creating a session', () => {
  const fixture = useContract();

  test('a new session has an ID and a handle, and expires in twelve hours by default', async () => {
    const app = fixture.open();
    const before = await app.now('ada');
    const session = await app.service.createSession({ userId: 'ada' });
    const after = await app.now('ada');

    expect(session.id).toMatch(/^sid_[0-9a-f]{2}[\w-]{43}$/);
    expect(session.handle).toBe(session.id.slice(4, 6) + digestOf(session.id));
    expect(session.userId).toBe('ada');
    expect(issuedIds).toContain(session.id); // so that the search of each suite can find it
    expect(session.createdAt.getTime()).toBeGreaterThanOrEqual(before);
    expect(session.createdAt.getTime()).toBeLessThanOrEqual(after);
    expect(session.expiresAt.getTime() - session.createdAt.getTime()).toBe(12 * HOUR);
  });

  test('creating a session adds an event with its user, times and client to the outbox', async () => {
    const app = fixture.open({ idleTimeout: MINUTE });
    const client = { ip: '203.0.113.7', userAgent: 'Firefox/140' };
    const session = await app.service.createSession({ userId: 'ada', expires: HOUR, client });

    expect(await app.events()).toEqual([
      {
        event: 'created',
        handle: session.handle,
        userId: 'ada',
        createdAt: session.createdAt.getTime(),
        occurredAt: session.createdAt.getTime(),
        expiresAt: session.expiresAt.getTime(),
        reason: '',
        actor: '',
        ...client,
      },
    ]);
  });

  test('a user can have many sessions, each with its own ID and event', async () => {
    const app = fixture.open();
    const sessions = await Promise.all(
      Array.from({ length: 50 }, () => app.service.createSession({ userId: 'ada' })),
    );

    expect(new Set(sessions.map(({ id }) => id)).size).toBe(50);
    const handles = (await app.events()).map(({ handle }) => handle);
    expect(handles.toSorted()).toEqual(sessions.map(({ handle }) => handle).toSorted());
  });

  test('the sessions of many users are spread over all buckets', async () => {
    const app = fixture.open({ buckets: 8 });
    const sessions = await Promise.all(
      Array.from({ length: 200 }, (_, n) => app.service.createSession({ userId: `user ${n}` })),
    );
    const buckets = new Set(sessions.map(({ handle }) => handle.slice(0, 2)));
    expect([...buckets].toSorted()).toEqual(['00', '01', '02', '03', '04', '05', '06', '07']);
  });

  test("two applications that share a Redis do not see each other's sessions", async () => {
    const shop = fixture.open();
    const forum = fixture.open();
    const session = await shop.service.createSession({ userId: 'ada' });

    expect(await forum.service.validateSession(session.id)).toBeNull();
    expect(await forum.service.listUserSessions('ada')).toEqual([]);
    await forum.service.destroySession(session.id);
    await forum.service.invalidateAllUserSessions('ada');
    expect(await shop.service.validateSession(session.id)).toEqual({ id: 'ada' });
    expect(await shop.eventsOf(session.handle)).toHaveLength(1);
  });

  testOnRedis(
    'a full backlog prevents new sessions, but existing ones can be used and ended',
    async () => {
      const app = fixture.open({ backlogLimit: 2, buckets: 1 });
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
      expect(await app.events()).toHaveLength(4);
    },
  );
});
