import { describe, expect, test } from '@jest/globals';

import { generateSessionId } from '../../../src/store/session-id.js';
import { HOUR } from '../../support/durations.js';
import { useContract } from '../../support/use-contract.js';

describe('finding sessions', () => {
  const fixture = useContract();

  test('validating a live session returns its user', async () => {
    const { service } = fixture.open();
    const ada = await service.createSession({ userId: 'ada' });
    const bob = await service.createSession({ userId: 'bob' });
    expect(await service.validateSession(ada.id)).toEqual({ id: 'ada' });
    expect(await service.validateSession(bob.id)).toEqual({ id: 'bob' });
  });

  test('a session is valid in every process of the application', async () => {
    const app = fixture.open();
    const { id } = await app.service.createSession({ userId: 'ada' });
    const other = fixture.open({ prefix: app.prefix });
    expect(await other.service.validateSession(id)).toEqual({ id: 'ada' });
    await other.service.destroySession(id);
    expect(await app.service.validateSession(id)).toBeNull();
  });

  test('an unknown or malformed ID is not valid, nor is the handle of a live session', async () => {
    const { service } = fixture.open();
    const { id, handle } = await service.createSession({ userId: 'ada' });
    const invalidIds = [
      generateSessionId(3),
      handle,
      '',
      'x',
      `${id} `,
      `${id}\n`,
      `sid_ff${id.slice(-43)}`,
      id.slice('sid_'.length),
      `sid_${handle}`,
      id.slice(0, -1),
      id.toUpperCase(),
      undefined as unknown as string,
      { id } as unknown as string,
    ];
    for (const sessionId of invalidIds) {
      expect(await service.validateSession(sessionId)).toBeNull();
      expect(await service.findValidSession(sessionId)).toBeNull();
      expect(await service.getSession(sessionId)).toBeNull();
    }
  });

  test('a session is not valid if the application no longer knows its user', async () => {
    const users = new Map([['ada', { id: 'ada' }]]);
    // A Map returns undefined, a repository null: both mean that the user is gone.
    const findById = async (id: string) => users.get(id) as { id: string };
    const { service } = fixture.open({ users: { findById } });
    const { id } = await service.createSession({ userId: 'ada' });
    expect(await service.validateSession(id)).toEqual({ id: 'ada' });
    users.delete('ada');
    expect(await service.validateSession(id)).toBeNull();
    expect(await service.findValidSession(id)).toBeNull();
    expect(await service.getSession(id)).toMatchObject({ userId: 'ada' });
  });

  test('an error of the user loader reaches the caller', async () => {
    const findById = () => Promise.reject(new Error('user database is down'));
    const { service } = fixture.open({ users: { findById } });
    const { id } = await service.createSession({ userId: 'ada' });
    await expect(service.validateSession(id)).rejects.toThrow('user database is down');
  });

  test('the details of a session include everything but its ID', async () => {
    const { service } = fixture.open();
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

  test("listing returns the user's sessions, newest first, and no others", async () => {
    const app = fixture.open({ buckets: 1 });
    const handles: string[] = [];
    for (const expires of [HOUR, 3 * HOUR, 2 * HOUR]) {
      handles.unshift((await app.service.createSession({ userId: 'ada', expires })).handle);
      await app.letTimePass(10, 'ada');
    }
    await app.service.createSession({ userId: 'bob' });

    const listed = await app.service.listUserSessions('ada');
    expect(listed.map(({ handle }) => handle)).toEqual(handles);
    expect(await app.service.listUserSessions('eve')).toEqual([]);
    await app.letTimePass(HOUR, 'ada');
    const left = await app.service.listUserSessions('ada');
    expect(left.map(({ handle }) => handle)).toEqual(handles.slice(0, 2));
  });

  test('a list of 700 sessions is complete', async () => {
    const { service } = fixture.open();
    await Promise.all(Array.from({ length: 700 }, () => service.createSession({ userId: 'ada' })));
    expect(await service.listUserSessions('ada')).toHaveLength(700);
  });
});
