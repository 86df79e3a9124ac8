import { describe, expect, test } from '@jest/globals';

import { generateSessionId } from '../../../../src/store/session-id.js';
import { redisTime, SECOND } from '../../../support/application.js';
import { letTimePassFor } from '../../../support/move-time.js';
import { eventsOf, readOutbox } from '../../../support/outbox.js';
import type { Ground } from '../../../support/use-redis.js';

export function ending(ground: Ground): void {
  test('a session that was ended is over at once, everywhere', async () => {
    const app = ground.open();
    const { id, handle } = await app.service.createSession({ userId: 'ada' });
    const before = await redisTime(app, 'ada');
    await app.service.destroySession(id);
    const after = await redisTime(app, 'ada');

    expect(await app.service.validateSession(id)).toBeNull();
    expect(await app.service.getSession(id)).toBeNull();
    expect(await app.service.listUserSessions('ada')).toEqual([]);
    const [, ended] = await eventsOf(app, handle);
    expect(ended).toMatchObject({ event: 'destroyed', userId: 'ada', reason: 'logout', actor: '' });
    expect(ended!.at).toBeGreaterThanOrEqual(before);
    expect(ended!.at).toBeLessThanOrEqual(after);
  });

  test('its end says why and by whom, where the caller says so', async () => {
    const app = ground.open();
    const { id, handle } = await app.service.createSession({ userId: 'ada' });
    await app.service.destroySession(id, { reason: 'stolen phone', actor: 'admin:бob' });
    expect((await eventsOf(app, handle))[1]).toMatchObject({
      reason: 'stolen phone',
      actor: 'admin:бob',
    });
  });

  test('it ends once: whoever comes later finds nothing left to end', async () => {
    const app = ground.open();
    const { id, handle } = await app.service.createSession({ userId: 'ada' });
    await app.service.destroySession(id, { reason: 'first' });
    await app.service.destroySession(id, { reason: 'second' });
    await app.service.destroySessionByHandle(handle);
    await app.service.invalidateAllUserSessions('ada');
    expect(await eventsOf(app, handle)).toMatchObject([
      { event: 'created' },
      { event: 'destroyed', reason: 'first' },
    ]);
  });

  test('ending what is unknown or malformed resolves', async () => {
    const app = ground.open();
    for (const id of [generateSessionId(0), '', 'nonsense', undefined as unknown as string]) {
      await expect(app.service.destroySession(id)).resolves.toBeUndefined();
      await expect(app.service.destroySessionByHandle(id)).resolves.toBeUndefined();
    }
    expect(await readOutbox(app)).toEqual([]);
  });

  test('a session can be ended by its public handle', async () => {
    const app = ground.open();
    const phone = await app.service.createSession({ userId: 'ada' });
    const laptop = await app.service.createSession({ userId: 'ada' });
    await app.service.destroySessionByHandle(phone.handle, { actor: 'ada' });
    expect(await app.service.validateSession(phone.id)).toBeNull();
    expect(await app.service.validateSession(laptop.id)).toEqual({ id: 'ada' });
    expect((await eventsOf(app, phone.handle))[1]).toMatchObject({
      reason: 'revoked',
      actor: 'ada',
    });
  });

  test('an ID is no handle, and a handle no ID', async () => {
    const { service } = ground.open();
    const { id, handle } = await service.createSession({ userId: 'ada' });
    await service.destroySessionByHandle(id);
    await service.destroySession(handle);
    expect(await service.validateSession(id)).toEqual({ id: 'ada' });
  });

  describe('a reason or an actor is refused, and the session lives on, if it', () => {
    test.each<[string, object]>([
      ['is an empty reason', { reason: '' }],
      ['is a reason of 65 characters', { reason: 'x'.repeat(65) }],
      ['is an actor of 256 characters', { actor: 'x'.repeat(256) }],
      ['contains a control character', { reason: 'log\u001fout' }],
      ['holds NUL', { actor: '\0' }],
      ['contains a lone surrogate', { actor: '\ud800' }],
      ['is no text', { reason: 7 }],
      ['is what JSON can make of it', { actor: { toString: 1 } }],
    ])('%s', async (_, end) => {
      const { service } = ground.open();
      const { id, handle } = await service.createSession({ userId: 'ada' });
      const refused = { code: 'ERR_SESSION_INPUT' };
      await expect(service.destroySession(id, end)).rejects.toMatchObject(refused);
      await expect(service.destroySessionByHandle(handle, end)).rejects.toMatchObject(refused);
      await expect(service.invalidateAllUserSessions('ada', end)).rejects.toMatchObject(refused);
      expect(await service.validateSession(id)).toEqual({ id: 'ada' });
    });
  });

  describe('logging out everywhere', () => {
    test('ends every session of the user, and of nobody else', async () => {
      const app = ground.open({ buckets: 1 });
      const ada = await Promise.all(
        Array.from({ length: 20 }, () => app.service.createSession({ userId: 'ada' })),
      );
      const bob = await app.service.createSession({ userId: 'bob' });
      await app.service.invalidateAllUserSessions('ada', { reason: 'password', actor: 'ada' });

      for (const { id } of ada) expect(await app.service.validateSession(id)).toBeNull();
      expect(await app.service.validateSession(bob.id)).toEqual({ id: 'bob' });
      const ended = (await readOutbox(app)).filter(({ event }) => event === 'destroyed');
      expect(ended.map(({ handle }) => handle).toSorted()).toEqual(
        ada.map(({ handle }) => handle).toSorted(),
      );
      expect(new Set(ended.map(({ reason, actor }) => `${reason} ${actor}`))).toEqual(
        new Set(['password ada']),
      );
    });

    test("can spare one session: the caller's own", async () => {
      const app = ground.open();
      const own = await app.service.createSession({ userId: 'ada' });
      const other = await app.service.createSession({ userId: 'ada' });
      await app.service.invalidateAllUserSessions('ada', { except: own.id });
      expect(await app.service.validateSession(own.id)).toEqual({ id: 'ada' });
      expect(await app.service.validateSession(other.id)).toBeNull();
      expect((await eventsOf(app, other.handle))[1]).toMatchObject({ reason: 'revoked' });
    });

    test('spares none where the one to spare is malformed, over, or of another user', async () => {
      const { service } = ground.open();
      const bob = await service.createSession({ userId: 'bob' });
      for (const except of ['nonsense', generateSessionId(1), bob.id]) {
        const { id } = await service.createSession({ userId: 'ada' });
        await service.invalidateAllUserSessions('ada', { except });
        expect(await service.validateSession(id)).toBeNull();
      }
      expect(await service.validateSession(bob.id)).toEqual({ id: 'bob' });
    });

    test('of a user without sessions resolves', async () => {
      const { service } = ground.open();
      await expect(service.invalidateAllUserSessions('nobody')).resolves.toBeUndefined();
    });

    test('more sessions than one step ends, one of them spared, are ended all', async () => {
      const app = ground.open();
      const sessions = await Promise.all(
        Array.from({ length: 1200 }, () => app.service.createSession({ userId: 'ada' })),
      );
      const own = sessions[600]!;
      await app.service.invalidateAllUserSessions('ada', { except: own.id });
      expect(await app.service.listUserSessions('ada')).toMatchObject([{ handle: own.handle }]);
      const ended = (await readOutbox(app)).filter(({ event }) => event === 'destroyed');
      expect(new Set(ended.map(({ handle }) => handle)).size).toBe(1199);
      expect(ended).toHaveLength(1199);
    });

    test("ends sessions that began before Redis's clock was set back", async () => {
      const app = ground.open();
      const { id } = await app.service.createSession({ userId: 'ada' });
      await letTimePassFor(app, 'ada', -10 * SECOND);
      await app.service.invalidateAllUserSessions('ada');
      expect(await app.service.validateSession(id)).toBeNull();
    });

    test('a user can sign in again afterwards', async () => {
      const { service } = ground.open();
      await service.createSession({ userId: 'ada' });
      await service.invalidateAllUserSessions('ada');
      const { id } = await service.createSession({ userId: 'ada' });
      expect(await service.validateSession(id)).toEqual({ id: 'ada' });
    });
  });
}
