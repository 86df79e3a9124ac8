import { describe, expect, test } from '@jest/globals';

import { digestOf, formatHandle, generateSessionId } from '../../../src/store/session-id.js';
import { SECOND } from '../../support/durations.js';
import { useContract } from '../../support/use-contract.js';

describe('ending sessions', () => {
  const fixture = useContract();

  test('an ended session is invalid immediately for every operation', async () => {
    const app = fixture.open();
    const { id, handle } = await app.service.createSession({ userId: 'ada' });
    const before = await app.now('ada');
    await app.service.destroySession(id);
    const after = await app.now('ada');

    expect(await app.service.validateSession(id)).toBeNull();
    expect(await app.service.getSession(id)).toBeNull();
    expect(await app.service.listUserSessions('ada')).toEqual([]);
    const [, ended] = await app.eventsOf(handle);
    expect(ended).toMatchObject({ event: 'destroyed', userId: 'ada', reason: 'logout', actor: '' });
    expect(ended!.occurredAt).toBeGreaterThanOrEqual(before);
    expect(ended!.occurredAt).toBeLessThanOrEqual(after);
  });

  test("the end event records the caller's reason and actor", async () => {
    const app = fixture.open();
    const { id, handle } = await app.service.createSession({ userId: 'ada' });
    await app.service.destroySession(id, { reason: 'stolen phone', actor: 'admin:бob' });
    expect((await app.eventsOf(handle))[1]).toMatchObject({
      reason: 'stolen phone',
      actor: 'admin:бob',
    });
  });

  test('a session ends once: later attempts to end it change nothing', async () => {
    const app = fixture.open();
    const { id, handle } = await app.service.createSession({ userId: 'ada' });
    await app.service.destroySession(id, { reason: 'first' });
    await app.service.destroySession(id, { reason: 'second' });
    await app.service.destroySessionByHandle(handle);
    await app.service.invalidateAllUserSessions('ada');
    expect(await app.eventsOf(handle)).toMatchObject([
      { event: 'created' },
      { event: 'destroyed', reason: 'first' },
    ]);
  });

  test('ending an unknown or malformed ID succeeds', async () => {
    const app = fixture.open();
    const unknown = generateSessionId(0);
    const handle = formatHandle({ bucket: 0, digest: digestOf(unknown) });
    for (const text of ['', 'nonsense', undefined as unknown as string]) {
      await expect(app.service.destroySession(text)).resolves.toBeUndefined();
      await expect(app.service.destroySessionByHandle(text)).resolves.toBeUndefined();
    }
    await expect(app.service.destroySession(unknown)).resolves.toBeUndefined();
    await expect(app.service.destroySessionByHandle(handle)).resolves.toBeUndefined();
    expect(await app.events()).toEqual([]);
  });

  test('a session can be ended by its handle', async () => {
    const app = fixture.open();
    const phone = await app.service.createSession({ userId: 'ada' });
    const laptop = await app.service.createSession({ userId: 'ada' });
    await app.service.destroySessionByHandle(phone.handle, { actor: 'ada' });
    expect(await app.service.validateSession(phone.id)).toBeNull();
    expect(await app.service.validateSession(laptop.id)).toEqual({ id: 'ada' });
    expect((await app.eventsOf(phone.handle))[1]).toMatchObject({
      reason: 'revoked',
      actor: 'ada',
    });
  });

  describe('an invalid reason or actor', () => {
    test.each<[string, object]>([
      ['an empty reason', { reason: '' }],
      ['a reason of 65 characters', { reason: 'x'.repeat(65) }],
      ['an actor of 256 characters', { actor: 'x'.repeat(256) }],
      ['a reason with a control character', { reason: 'log\u001fout' }],
      ['an actor with NUL', { actor: '\0' }],
      ['an actor with a lone surrogate', { actor: '\ud800' }],
      ['a reason that is not a string', { reason: 7 }],
      ['an actor that is an object', { actor: { toString: 1 } }],
    ])('%s is rejected, and the session stays valid', async (_, end) => {
      const { service } = fixture.open();
      const { id, handle } = await service.createSession({ userId: 'ada' });
      const rejection = { code: 'ERR_SESSION_INPUT' };
      await expect(service.destroySession(id, end)).rejects.toMatchObject(rejection);
      await expect(service.destroySessionByHandle(handle, end)).rejects.toMatchObject(rejection);
      await expect(service.invalidateAllUserSessions('ada', end)).rejects.toMatchObject(rejection);
      expect(await service.validateSession(id)).toEqual({ id: 'ada' });
    });
  });

  describe('logging out everywhere', () => {
    test('logging out everywhere ends all sessions of the user and no others', async () => {
      const app = fixture.open({ buckets: 1 });
      const ada = await Promise.all(
        Array.from({ length: 20 }, () => app.service.createSession({ userId: 'ada' })),
      );
      const bob = await app.service.createSession({ userId: 'bob' });
      await app.service.invalidateAllUserSessions('ada', { reason: 'password', actor: 'ada' });

      for (const { id } of ada) expect(await app.service.validateSession(id)).toBeNull();
      expect(await app.service.validateSession(bob.id)).toEqual({ id: 'bob' });
      const ended = (await app.events()).filter(({ event }) => event === 'destroyed');
      expect(ended.map(({ handle }) => handle).toSorted()).toEqual(
        ada.map(({ handle }) => handle).toSorted(),
      );
      expect(new Set(ended.map(({ reason, actor }) => `${reason} ${actor}`))).toEqual(
        new Set(['password ada']),
      );
    });

    test("logging out everywhere can spare the caller's own session", async () => {
      const app = fixture.open();
      const own = await app.service.createSession({ userId: 'ada' });
      const other = await app.service.createSession({ userId: 'ada' });
      await app.service.invalidateAllUserSessions('ada', { except: own.id });
      expect(await app.service.validateSession(own.id)).toEqual({ id: 'ada' });
      expect(await app.service.validateSession(other.id)).toBeNull();
      expect((await app.eventsOf(other.handle))[1]).toMatchObject({ reason: 'revoked' });
    });

    test("a session to spare that is malformed, ended or another user's spares nothing", async () => {
      const { service } = fixture.open();
      const bob = await service.createSession({ userId: 'bob' });
      for (const except of ['nonsense', generateSessionId(1), bob.id]) {
        const { id } = await service.createSession({ userId: 'ada' });
        await service.invalidateAllUserSessions('ada', { except });
        expect(await service.validateSession(id)).toBeNull();
      }
      expect(await service.validateSession(bob.id)).toEqual({ id: 'bob' });
    });

    test('logging out a user without sessions succeeds', async () => {
      const { service } = fixture.open();
      await expect(service.invalidateAllUserSessions('nobody')).resolves.toBeUndefined();
    });

    test('logging out everywhere ends more sessions than fit into one script run', async () => {
      const app = fixture.open();
      const sessions = await Promise.all(
        Array.from({ length: 1200 }, () => app.service.createSession({ userId: 'ada' })),
      );
      const own = sessions[600]!;
      await app.service.invalidateAllUserSessions('ada', { except: own.id });
      expect(await app.service.listUserSessions('ada')).toMatchObject([{ handle: own.handle }]);
      const ended = (await app.events()).filter(({ event }) => event === 'destroyed');
      expect(new Set(ended.map(({ handle }) => handle)).size).toBe(1199);
      expect(ended).toHaveLength(1199);
    });

    test("logging out everywhere ends sessions created before Redis's clock was set back", async () => {
      const app = fixture.open();
      const { id } = await app.service.createSession({ userId: 'ada' });
      await app.letTimePass(-10 * SECOND, 'ada');
      await app.service.invalidateAllUserSessions('ada');
      expect(await app.service.validateSession(id)).toBeNull();
    });

    test('a user can sign in again after logging out everywhere', async () => {
      const { service } = fixture.open();
      await service.createSession({ userId: 'ada' });
      await service.invalidateAllUserSessions('ada');
      const { id } = await service.createSession({ userId: 'ada' });
      expect(await service.validateSession(id)).toEqual({ id: 'ada' });
    });
  });
});
