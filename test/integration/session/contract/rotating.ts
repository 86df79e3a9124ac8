import { expect, test } from '@jest/globals';

import { generateSessionId } from '../../../../src/store/session-id.js';
import { HOUR, MINUTE } from '../../../support/application.js';
import { letTimePassFor } from '../../../support/move-time.js';
import { readOutbox } from '../../../support/outbox.js';
import type { Ground } from '../../../support/use-redis.js';

export function rotating(ground: Ground): void {
  test('a rotated session goes on under a new ID; the old one is over', async () => {
    const { service } = ground.open();
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

  test('its end and its new beginning are one step', async () => {
    const app = ground.open();
    const old = await app.service.createSession({ userId: 'ada' });
    const rotated = await app.service.rotateSession(old.id);
    const [, ended, begun] = await readOutbox(app);
    const at = rotated.createdAt.getTime();
    expect(ended).toMatchObject({
      event: 'destroyed',
      handle: old.handle,
      at,
      reason: 'rotated',
    });
    expect(begun).toMatchObject({
      event: 'created',
      handle: rotated.handle,
      userId: 'ada',
      at,
      createdAt: at,
      ends: old.expiresAt.getTime(),
      reason: 'rotated',
    });
  });

  test('rotation prolongs nothing but the idle timeout', async () => {
    const app = ground.open({ idleTimeout: 30 * MINUTE });
    const old = await app.service.createSession({ userId: 'ada', expires: HOUR });
    await letTimePassFor(app, 'ada', 20 * MINUTE);
    const first = await app.service.rotateSession(old.id);
    expect(first.expiresAt.getTime()).toBe(old.expiresAt.getTime() - 20 * MINUTE);
    const details = await app.service.getSession(first.id);
    expect(details!.idleExpiresAt.getTime()).toBe(first.createdAt.getTime() + 30 * MINUTE);
    expect(details!.signedInAt.getTime()).toBe(old.createdAt.getTime() - 20 * MINUTE);

    await letTimePassFor(app, 'ada', 20 * MINUTE);
    const second = await app.service.rotateSession(first.id);
    expect((await app.service.getSession(second.id))!.idleExpiresAt).toEqual(second.expiresAt);
    await letTimePassFor(app, 'ada', 20 * MINUTE);
    expect(await app.service.validateSession(second.id)).toBeNull();
  });

  test('there is nothing to rotate in what is unknown, malformed or over', async () => {
    const app = ground.open();
    const { id } = await app.service.createSession({ userId: 'ada' });
    await app.service.destroySession(id);
    for (const sessionId of [id, generateSessionId(0), 'nonsense']) {
      await expect(app.service.rotateSession(sessionId)).rejects.toMatchObject({
        code: 'ERR_SESSION_NOT_FOUND',
      });
    }
    expect(await readOutbox(app)).toHaveLength(2);
    expect(await app.service.listUserSessions('ada')).toEqual([]);
  });

  test('a rotated session is ended by logging out everywhere', async () => {
    const app = ground.open();
    const { id } = await app.service.createSession({ userId: 'ada' });
    const rotated = await app.service.rotateSession(id);
    await app.service.invalidateAllUserSessions('ada');
    expect(await app.service.validateSession(rotated.id)).toBeNull();
  });
}
