import { describe, expect, test } from '@jest/globals';

import { HOUR, MINUTE, SECOND } from '../../support/durations.js';
import { letTimePassFor } from '../../support/move-time.js';
import { eventsOf } from '../../support/outbox.js';
import { useRedis } from '../../support/use-redis.js';

describe('the idle timeout', () => {
  const fixture = useRedis();

  const open = () => fixture.open({ idleTimeout: 30 * MINUTE });

  test('a session that is not used within the idle timeout expires (ASVS 7.3.1)', async () => {
    const app = open();
    const { id, handle } = await app.service.createSession({ userId: 'ada', expires: 8 * HOUR });
    await letTimePassFor(app, 'ada', 30 * MINUTE);
    await letTimePassFor(app, 'ada', 1);
    expect(await app.service.validateSession(id)).toBeNull();

    await app.upkeep.sweepAll();
    const [created, ended] = await eventsOf(app, handle);
    expect(ended).toMatchObject({ event: 'destroyed', reason: 'expired' });
    expect(ended!.occurredAt - created!.occurredAt).toBe(30 * MINUTE);
  });

  test('each use extends the idle expiry', async () => {
    const app = open();
    const { id } = await app.service.createSession({ userId: 'ada', expires: 8 * HOUR });
    for (let use = 0; use < 5; use++) {
      await letTimePassFor(app, 'ada', 29 * MINUTE);
      expect(await app.service.validateSession(id)).toEqual({ id: 'ada' });
      const details = await app.service.getSession(id);
      const { lastUsedAt, idleExpiresAt, createdAt } = details!;
      expect(idleExpiresAt.getTime() - lastUsedAt.getTime()).toBe(30 * MINUTE);
      expect(lastUsedAt.getTime() - createdAt.getTime()).toBeGreaterThanOrEqual(
        (use + 1) * 29 * MINUTE,
      );
    }
  });

  test('using a session never extends its absolute expiry (ASVS 7.3.2)', async () => {
    const app = open();
    const { id, handle } = await app.service.createSession({ userId: 'ada', expires: HOUR });
    await letTimePassFor(app, 'ada', 29 * MINUTE);
    await app.service.validateSession(id);
    await letTimePassFor(app, 'ada', 29 * MINUTE);
    await app.service.validateSession(id);
    const details = await app.service.getSession(id);
    expect(details!.idleExpiresAt).toEqual(details!.expiresAt);

    await letTimePassFor(app, 'ada', 2 * MINUTE);
    expect(await app.service.validateSession(id)).toBeNull();
    await app.upkeep.sweepAll();
    const [created, ended] = await eventsOf(app, handle);
    expect(ended!.occurredAt - created!.occurredAt).toBe(HOUR);
  });

  test('the idle expiry is never later than the absolute expiry', async () => {
    const { service } = open();
    const { id, expiresAt } = await service.createSession({ userId: 'ada', expires: 10 * MINUTE });
    expect((await service.getSession(id))!.idleExpiresAt).toEqual(expiresAt);
  });

  test('a use within a tenth of the idle timeout writes nothing', async () => {
    const app = open();
    const { id } = await app.service.createSession({ userId: 'ada', expires: 8 * HOUR });
    await letTimePassFor(app, 'ada', 2 * MINUTE);
    const before = await app.service.getSession(id);
    await app.service.validateSession(id);
    expect(await app.service.getSession(id)).toEqual(before);

    await letTimePassFor(app, 'ada', 61 * SECOND);
    await app.service.validateSession(id);
    const after = await app.service.getSession(id);
    expect(after!.lastUsedAt.getTime() - after!.createdAt.getTime()).toBeGreaterThan(3 * MINUTE);
  });

  test('reading, listing or updating a session does not count as using it', async () => {
    const app = open();
    const { id } = await app.service.createSession({ userId: 'ada', expires: 8 * HOUR });
    await letTimePassFor(app, 'ada', 20 * MINUTE);
    await app.service.getSession(id);
    await app.service.listUserSessions('ada');
    await app.service.updateSessionData(id, { cart: 1 });
    const { lastUsedAt, createdAt } = (await app.service.getSession(id))!;
    expect(lastUsedAt).toEqual(createdAt);
    await letTimePassFor(app, 'ada', 11 * MINUTE);
    expect(await app.service.validateSession(id)).toBeNull();
  });

  test('each session of a user is extended by its own use only', async () => {
    const app = open();
    const phone = await app.service.createSession({ userId: 'ada', expires: 8 * HOUR });
    const laptop = await app.service.createSession({ userId: 'ada', expires: 8 * HOUR });
    await letTimePassFor(app, 'ada', 20 * MINUTE);
    await app.service.validateSession(phone.id);
    await letTimePassFor(app, 'ada', 20 * MINUTE);
    expect(await app.service.validateSession(laptop.id)).toBeNull();
    expect(await app.service.listUserSessions('ada')).toMatchObject([{ handle: phone.handle }]);
  });
});
