import { expect, test } from '@jest/globals';

import { generateSessionId } from '../../../../src/store/session-id.js';
import { HOUR } from '../../../support/application.js';
import { letTimePassFor } from '../../../support/move-time.js';
import type { Ground } from '../../../support/use-redis.js';

export function finding(ground: Ground): void {
  test('a live session is valid: it leads to its user', async () => {
    const { service } = ground.open();
    const ada = await service.createSession({ userId: 'ada' });
    const bob = await service.createSession({ userId: 'bob' });
    expect(await service.validateSession(ada.id)).toEqual({ id: 'ada' });
    expect(await service.validateSession(bob.id)).toEqual({ id: 'bob' });
  });

  test('a session is valid in every process of the application', async () => {
    const app = ground.open();
    const { id } = await app.service.createSession({ userId: 'ada' });
    const other = ground.open({ prefix: app.prefix });
    expect(await other.service.validateSession(id)).toEqual({ id: 'ada' });
    await other.service.destroySession(id);
    expect(await app.service.validateSession(id)).toBeNull();
  });

  test('an unknown or malformed ID is null, and so is the handle of a live session', async () => {
    const { service } = ground.open();
    const { id, handle } = await service.createSession({ userId: 'ada' });
    const wrong = [
      generateSessionId(3),
      handle,
      '',
      'x',
      `${id} `,
      `${id}\n`,
      `ff${id.slice(2)}`,
      id.slice(0, -1),
      id.toUpperCase(),
      undefined as unknown as string,
      { id } as unknown as string,
    ];
    for (const sessionId of wrong) {
      expect(await service.validateSession(sessionId)).toBeNull();
      expect(await service.findValidSession(sessionId)).toBeNull();
      expect(await service.getSession(sessionId)).toBeNull();
    }
  });

  test('a user whom the application no longer knows has no valid session', async () => {
    const users = new Map([['ada', { id: 'ada' }]]);
    // A Map says undefined where a repository says null: both mean that the user is gone.
    const findById = async (id: string) => users.get(id) as { id: string };
    const { service } = ground.open({ users: { findById } });
    const { id } = await service.createSession({ userId: 'ada' });
    expect(await service.validateSession(id)).toEqual({ id: 'ada' });
    users.delete('ada');
    expect(await service.validateSession(id)).toBeNull();
    expect(await service.findValidSession(id)).toBeNull();
    expect(await service.getSession(id)).toMatchObject({ userId: 'ada' });
  });

  test('what the user loader throws reaches the caller', async () => {
    const findById = () => Promise.reject(new Error('the users are away'));
    const { service } = ground.open({ users: { findById } });
    const { id } = await service.createSession({ userId: 'ada' });
    await expect(service.validateSession(id)).rejects.toThrow('the users are away');
  });

  test('a session shows all about itself but its ID', async () => {
    const { service } = ground.open();
    const client = { ip: '203.0.113.7', userAgent: 'Firefox/140' };
    const session = await service.createSession({ userId: 'ada', client, data: { theme: 'dark' } });
    const { id, handle, createdAt, expiresAt } = session;

    const details = {
      handle,
      userId: 'ada',
      createdAt,
      signedInAt: createdAt,
      lastUsedAt: createdAt,
      expiresAt,
      idleExpiresAt: expiresAt,
      client,
      data: { theme: 'dark' },
    };
    expect(await service.getSession(id)).toEqual(details);
    expect(await service.findValidSession(id)).toEqual({ user: { id: 'ada' }, session: details });
    expect(await service.listUserSessions('ada')).toEqual([details]);
  });

  test("a user's sessions are listed, the newest first, and nobody else's", async () => {
    const app = ground.open({ buckets: 1 });
    const handles: string[] = [];
    for (const expires of [HOUR, 3 * HOUR, 2 * HOUR]) {
      handles.unshift((await app.service.createSession({ userId: 'ada', expires })).handle);
      await letTimePassFor(app, 'ada', 10);
    }
    await app.service.createSession({ userId: 'bob' });

    const listed = await app.service.listUserSessions('ada');
    expect(listed.map(({ handle }) => handle)).toEqual(handles);
    expect(await app.service.listUserSessions('eve')).toEqual([]);
    await letTimePassFor(app, 'ada', HOUR);
    const left = await app.service.listUserSessions('ada');
    expect(left.map(({ handle }) => handle)).toEqual(handles.slice(0, 2));
  });

  test('a long list is complete', async () => {
    const { service } = ground.open();
    await Promise.all(Array.from({ length: 700 }, () => service.createSession({ userId: 'ada' })));
    expect(await service.listUserSessions('ada')).toHaveLength(700);
  });
}
