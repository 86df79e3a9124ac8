import { describe, expect, test } from '@jest/globals';

import { generateSessionId } from '../../../src/store/session-id.js';
import { HOUR, MINUTE } from '../../support/durations.js';
import { useContract } from '../../support/use-contract.js';

describe('rotating a session', () => {
  const fixture = useContract();

  test('a rotated session continues under a new ID, and the old ID is invalid', async () => {
    const { service } = fixture.open();
    const client = { ip: '203.0.113.7', userAgent: 'Firefox/140' };
    const old = await service.createSession({ userId: 'ada', client, data: { cart: [1, 2] } });
    const rotated = await service.rotateSession(old.id);

    expect(rotated.id).not.toBe(old.id);
    expect(rotated.expiresAt).toEqual(old.expiresAt);
    expect(await service.validateSession(old.id)).toBeNull();
    expect(await service.validateSession(rotated.id)).toEqual({ id: 'ada' });
    expect(await service.listUserSessions('ada')).toMatchObject([
      { handle: rotated.handle, client, data: { cart: [1, 2] }, signedInAt: old.createdAt },
    ]);
  });

  test('the end of the old session and the start of the new one are recorded in one step', async () => {
    const app = fixture.open();
    const old = await app.service.createSession({ userId: 'ada' });
    const rotated = await app.service.rotateSession(old.id);
    const [, ended, created] = await app.events();
    const occurredAt = rotated.createdAt.getTime();
    expect(ended).toMatchObject({
      event: 'destroyed',
      handle: old.handle,
      occurredAt,
      reason: 'rotated',
    });
    expect(created).toMatchObject({
      event: 'created',
      handle: rotated.handle,
      userId: 'ada',
      occurredAt,
      createdAt: occurredAt,
      expiresAt: old.expiresAt.getTime(),
      reason: 'rotated',
    });
  });

  test('a rotation extends the idle expiry only', async () => {
    const app = fixture.open({ idleTimeout: 30 * MINUTE });
    const old = await app.service.createSession({ userId: 'ada', expires: HOUR });
    await app.letTimePass(20 * MINUTE, 'ada');
    const first = await app.service.rotateSession(old.id);
    expect(first.expiresAt.getTime()).toBe(old.expiresAt.getTime() - app.moved());
    const details = await app.service.getSession(first.id);
    expect(details!.idleExpiresAt.getTime()).toBe(first.createdAt.getTime() + 30 * MINUTE);
    expect(details!.signedInAt.getTime()).toBe(old.createdAt.getTime() - app.moved());

    await app.letTimePass(20 * MINUTE, 'ada');
    const second = await app.service.rotateSession(first.id);
    expect((await app.service.getSession(second.id))!.idleExpiresAt).toEqual(second.expiresAt);
    await app.letTimePass(20 * MINUTE, 'ada');
    expect(await app.service.validateSession(second.id)).toBeNull();
  });

  test('rotating an unknown, malformed or ended session fails', async () => {
    const app = fixture.open();
    const { id } = await app.service.createSession({ userId: 'ada' });
    await app.service.destroySession(id);
    for (const sessionId of [id, generateSessionId(0), 'nonsense']) {
      await expect(app.service.rotateSession(sessionId)).rejects.toMatchObject({
        code: 'ERR_SESSION_NOT_FOUND',
      });
    }
    expect(await app.events()).toHaveLength(2);
    expect(await app.service.listUserSessions('ada')).toEqual([]);
  });

  test('logging out everywhere ends a rotated session', async () => {
    const app = fixture.open();
    const { id } = await app.service.createSession({ userId: 'ada' });
    const rotated = await app.service.rotateSession(id);
    await app.service.invalidateAllUserSessions('ada');
    expect(await app.service.validateSession(rotated.id)).toBeNull();
  });
});
