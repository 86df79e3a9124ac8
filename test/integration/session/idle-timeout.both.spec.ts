import { describe, expect, test } from '@jest/globals';

import { HOUR, MINUTE, SECOND } from '../../support/durations.js';
import { useContract } from '../../support/use-contract.js';

describe('the idle timeout', () => {
  const fixture = useContract();

  const open = () => fixture.open({ idleTimeout: 30 * MINUTE });

  test('a session that is not used within the idle timeout expires (ASVS 7.3.1)', async () => {
    const app = open();
    const { id, handle } = await app.service.createSession({ userId: 'ada', expires: 8 * HOUR });
    await app.letTimePass(30 * MINUTE, 'ada');
    await app.letTimePass(1, 'ada');
    expect(await app.service.validateSession(id)).toBeNull();

    await app.sweepAll();
    const [created, ended] = await app.eventsOf(handle);
    expect(ended).toMatchObject({ event: 'destroyed', reason: 'expired' });
    expect(ended!.occurredAt - created!.occurredAt).toBe(30 * MINUTE);
  });

  test('each use extends the idle expiry', async () => {
    const app = open();
    const { id } = await app.service.createSession({ userId: 'ada', expires: 8 * HOUR });
    for (let use = 0; use < 5; use++) {
      await app.letTimePass(29 * MINUTE, 'ada');
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
    await app.letTimePass(29 * MINUTE, 'ada');
    await app.service.validateSession(id);
    await app.letTimePass(29 * MINUTE, 'ada');
    await app.service.validateSession(id);
    const details = await app.service.getSession(id);
    expect(details!.idleExpiresAt).toEqual(details!.expiresAt);

    await app.letTimePass(2 * MINUTE, 'ada');
    expect(await app.service.validateSession(id)).toBeNull();
    await app.sweepAll();
    const [created, ended] = await app.eventsOf(handle);
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
    await app.letTimePass(2 * MINUTE, 'ada');
    const before = await app.service.getSession(id);
    await app.service.validateSession(id);
    expect(await app.service.getSession(id)).toEqual(before);

    await app.letTimePass(61 * SECOND, 'ada');
    await app.service.validateSession(id);
    const after = await app.service.getSession(id);
    expect(after!.lastUsedAt.getTime() - after!.createdAt.getTime()).toBeGreaterThan(3 * MINUTE);
  });

  test('reading, listing or updating a session does not count as using it', async () => {
    const app = open();
    const { id } = await app.service.createSession({ userId: 'ada', expires: 8 * HOUR });
    await app.letTimePass(20 * MINUTE, 'ada');
    await app.service.getSession(id);
    await app.service.listUserSessions('ada');
    await app.service.updateSessionData(id, { cart: 1 });
    const { lastUsedAt, createdAt } = (await app.service.getSession(id))!;
    expect(lastUsedAt).toEqual(createdAt);
    await app.letTimePass(11 * MINUTE, 'ada');
    expect(await app.service.validateSession(id)).toBeNull();
  });

  test('each session of a user is extended by its own use only', async () => {
    const app = open();
    const phone = await app.service.createSession({ userId: 'ada', expires: 8 * HOUR });
    const laptop = await app.service.createSession({ userId: 'ada', expires: 8 * HOUR });
    await app.letTimePass(20 * MINUTE, 'ada');
    await app.service.validateSession(phone.id);
    await app.letTimePass(20 * MINUTE, 'ada');
    expect(await app.service.validateSession(laptop.id)).toBeNull();
    expect(await app.service.listUserSessions('ada')).toMatchObject([{ handle: phone.handle }]);
  });
});
