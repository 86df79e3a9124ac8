import { describe, expect, test } from '@jest/globals';

import { useContract } from '../../support/use-contract.js';

const UUID = '7f9c2ba4-e88f-4d27-a3f2-1c0e3c5d9b11';
const INPUT = { code: 'ERR_SESSION_INPUT' };
const NOT_FOUND = { code: 'ERR_SESSION_NOT_FOUND' };

describe('session IDs and handles', () => {
  const fixture = useContract();

  test('a method that needs an ID rejects a handle, and the other way round', async () => {
    const app = fixture.open();
    const { id, handle } = await app.service.createSession({ userId: 'ada' });
    const before = await app.stored();
    // Plain JavaScript, or a text from elsewhere: otherwise these calls don't compile.
    const [plainId, plainHandle] = [String(id), String(handle)];
    const calls = [
      app.service.destroySession(plainHandle),
      app.service.rotateSession(plainHandle),
      app.service.updateSessionData(plainHandle, { a: 1 }),
      app.service.destroySessionByHandle(plainId),
      app.service.rotateSessionByHandle(plainId),
      app.service.updateSessionDataByHandle(plainId, { a: 1 }),
      app.service.isFresh({ handle: plainId, signedInAt: new Date() }, 1_000),
    ];
    for (const call of calls) {
      const error: Error = await call.catch((thrown) => thrown);
      expect(error).toMatchObject(INPUT);
      expect(error.message).not.toContain(id.slice(-43));
    }
    expect(await app.stored()).toEqual(before);
  });

  test('IDs and handles have different types', async () => {
    const { service } = fixture.open();
    const { id, handle } = await service.createSession({ userId: 'ada' });
    // @ts-expect-error a handle is no session ID
    await expect(service.destroySession(handle)).rejects.toMatchObject(INPUT);
    // @ts-expect-error a session ID is no handle
    await expect(service.destroySessionByHandle(id)).rejects.toMatchObject(INPUT);
    // @ts-expect-error a handle is no session ID
    expect(await service.validateSession(handle)).toBeNull();
    expect(await service.validateSession(id as string)).toEqual({ id: 'ada' });
  });

  test('code that runs after the guard can do everything with the handle', async () => {
    const app = fixture.open();
    const { handle } = await app.service.createSession({ userId: 'ada', data: { a: 1 } });
    const other = await app.service.createSession({ userId: 'ada' });
    await app.service.updateSessionDataByHandle(handle, { b: 2 });
    await app.service.invalidateAllUserSessions('ada', { except: handle });
    expect(await app.service.validateSession(other.id)).toBeNull();
    const rotated = await app.service.rotateSessionByHandle(handle);
    expect(await app.service.getSession(rotated.id)).toMatchObject({ data: { a: 1, b: 2 } });
    expect((await app.service.listUserSessions('ada')).map((each) => each.handle)).toEqual([
      rotated.handle,
    ]);
    await expect(app.service.rotateSessionByHandle(handle)).rejects.toMatchObject(NOT_FOUND);
    const update = app.service.updateSessionDataByHandle(handle, {});
    await expect(update).rejects.toMatchObject(NOT_FOUND);
  });

  test("a handle ends a session only if it is the given user's", async () => {
    const app = fixture.open({ userIdType: 'uuid' });
    const { id, handle } = await app.service.createSession({ userId: UUID });
    const other = UUID.replace('7', '8');
    await app.service.destroySessionByHandle(handle, { userId: other });
    expect(await app.service.validateSession(id)).toEqual({ id: UUID });
    await app.service.destroySessionByHandle(handle, { userId: UUID.toUpperCase() });
    expect(await app.service.validateSession(id)).toBeNull();
    expect(await app.eventsOf(handle)).toHaveLength(2);
    const invalid = app.service.destroySessionByHandle(handle, { userId: '' });
    await expect(invalid).rejects.toMatchObject(INPUT);
  });
});

describe('spellings of a user ID', () => {
  const fixture = useContract();

  test('a UUID in capitals is the same user in every method', async () => {
    const app = fixture.open({ userIdType: 'uuid' });
    const capitals = UUID.toUpperCase();
    const { id, handle, userId } = await app.service.createSession({ userId: capitals });
    expect(userId).toBe(UUID);
    expect(await app.service.validateSession(id)).toEqual({ id: UUID });
    for (const spelling of [UUID, capitals]) {
      expect(await app.service.listUserSessions(spelling)).toMatchObject([{ handle }]);
    }
    await app.service.invalidateAllUserSessions(capitals);
    expect(await app.service.validateSession(id)).toBeNull();
    expect(await app.events()).toMatchObject([{ userId: UUID }, { userId: UUID }]);
  });

  test.each<['integer' | 'uuid', string]>([
    ['integer', '007'],
    ['integer', '+7'],
    ['integer', String(2 ** 31)],
    ['uuid', UUID.replaceAll('-', '')],
    ['uuid', `{${UUID}}`],
  ])('every method rejects a user ID that is no %s: %s', async (userIdType, userId) => {
    const app = fixture.open({ userIdType });
    const calls = [
      app.service.createSession({ userId }),
      app.service.listUserSessions(userId),
      app.service.invalidateAllUserSessions(userId),
      app.service.destroySessionByHandle('nonsense', { userId }),
    ];
    for (const call of calls) await expect(call).rejects.toMatchObject(INPUT);
    expect(await app.stored()).toEqual([]);
  });
});

describe('arguments of the wrong type', () => {
  const fixture = useContract();

  test('every method rejects them, and nothing is written', async () => {
    const app = fixture.open();
    const text = 'text' as never;
    const session = { handle: 'nonsense', signedInAt: new Date() };
    const calls = [
      app.service.createSession(undefined as never),
      app.service.createSession(text),
      app.service.createSession({ userId: 'ada', client: text }),
      app.service.destroySession('nonsense', text),
      app.service.destroySessionByHandle('nonsense', null as never),
      app.service.invalidateAllUserSessions('ada', text),
      app.service.isFresh(session, 'soon' as never),
      app.service.isFresh(session, Number.NaN),
    ];
    for (const call of calls) await expect(call).rejects.toMatchObject(INPUT);
    expect(await app.stored()).toEqual([]);
  });
});
