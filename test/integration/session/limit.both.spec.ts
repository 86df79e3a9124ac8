import { describe, expect, test } from '@jest/globals';

import { HOUR } from '../../support/durations.js';
import { testOnRedis, useContract } from '../../support/use-contract.js';

describe('the session limit', () => {
  const fixture = useContract();

  describe('overflow: evict-oldest', () => {
    const open = (maxSessionsPerUser = 3) =>
      fixture.open({ maxSessionsPerUser, overflow: 'evict-oldest' });

    test('a sign-in at the limit evicts the oldest session, whichever expires first', async () => {
      const app = open();
      const ids: string[] = [];
      for (const expires of [5 * HOUR, HOUR, 3 * HOUR, 2 * HOUR, 4 * HOUR]) {
        ids.push((await app.service.createSession({ userId: 'ada', expires })).id);
        await app.letTimePass(10, 'ada');
      }
      const valid = await Promise.all(ids.map((id) => app.service.validateSession(id)));
      expect(valid.map((user) => user !== null)).toEqual([false, false, true, true, true]);
    });

    test("the eviction is recorded just before the new session's event", async () => {
      const app = open(1);
      const first = await app.service.createSession({ userId: 'ada' });
      const second = await app.service.createSession({ userId: 'ada' });
      expect(await app.events()).toMatchObject([
        { event: 'created', handle: first.handle },
        { event: 'destroyed', handle: first.handle, reason: 'evicted', actor: '' },
        { event: 'created', handle: second.handle },
      ]);
    });

    test('a lowered limit applies from the next sign-in', async () => {
      const app = fixture.open();
      await Promise.all(
        Array.from({ length: 700 }, () => app.service.createSession({ userId: 'ada' })),
      );
      const lowered = fixture.open({ prefix: app.prefix, maxSessionsPerUser: 2 });
      const { handle } = await lowered.service.createSession({ userId: 'ada' });
      const left = await lowered.service.listUserSessions('ada');
      expect(left).toHaveLength(2);
      expect(left.map((session) => session.handle)).toContain(handle);
      const ended = (await app.events()).filter(({ event }) => event === 'destroyed');
      expect(ended).toHaveLength(699);
    });

    testOnRedis('sessions whose record was lost do not count towards the limit', async () => {
      const app = fixture.openOnRedis();
      const lost = await Promise.all(
        Array.from({ length: 250 }, () =>
          app.service.createSession({ userId: 'ada', expires: HOUR }),
        ),
      );
      for (const { handle } of lost) {
        const { client, buckets } = app.application;
        const keys = buckets.keysOf(Number.parseInt(handle.slice(0, 2), 16));
        await client.del(keys.session(handle.slice(2)));
      }
      const limited = fixture.open({ prefix: app.prefix, maxSessionsPerUser: 2 });
      const first = await limited.service.createSession({ userId: 'ada' });
      const second = await limited.service.createSession({ userId: 'ada' });
      expect(await limited.service.validateSession(first.id)).toEqual({ id: 'ada' });
      expect(await limited.service.validateSession(second.id)).toEqual({ id: 'ada' });

      await app.letTimePass(2 * HOUR, 'ada');
      await app.sweepAll();
      const ended = (await app.events()).filter(({ event }) => event === 'destroyed');
      expect(ended.map(({ handle }) => handle).toSorted()).toEqual(
        lost.map(({ handle }) => handle).toSorted(),
      );
    });
  });

  describe('overflow: reject', () => {
    const open = () => fixture.open({ maxSessionsPerUser: 2, overflow: 'reject' });

    test('a sign-in at the limit is rejected, and existing sessions stay valid', async () => {
      const app = open();
      const first = await app.service.createSession({ userId: 'ada' });
      const second = await app.service.createSession({ userId: 'ada' });
      await expect(app.service.createSession({ userId: 'ada' })).rejects.toMatchObject({
        code: 'ERR_SESSION_LIMIT',
      });
      for (const { id } of [first, second]) {
        expect(await app.service.validateSession(id)).toEqual({ id: 'ada' });
      }
      expect(await app.events()).toHaveLength(2);
    });

    test('ending a session makes room for another', async () => {
      const app = open();
      const { id, handle } = await app.service.createSession({ userId: 'ada' });
      await app.service.createSession({ userId: 'ada' });
      await app.service.destroySession(id);
      await app.service.createSession({ userId: 'ada' });
      expect(await app.eventsOf(handle)).toHaveLength(2);
    });

    test('an expired session does not count, even before it is swept', async () => {
      const app = open();
      await app.service.createSession({ userId: 'ada', expires: HOUR });
      await app.service.createSession({ userId: 'ada', expires: 3 * HOUR });
      await app.letTimePass(2 * HOUR, 'ada');
      await app.service.createSession({ userId: 'ada' });
      expect(await app.service.listUserSessions('ada')).toHaveLength(2);
    });
  });

  test.each(['evict-oldest', 'reject'] as const)(
    'a rotation at the limit counts once (%s)',
    async (overflow) => {
      const app = fixture.open({ maxSessionsPerUser: 2, overflow });
      const first = await app.service.createSession({ userId: 'ada' });
      const second = await app.service.createSession({ userId: 'ada' });
      const rotated = await app.service.rotateSession(first.id);
      expect(await app.service.validateSession(rotated.id)).toEqual({ id: 'ada' });
      expect(await app.service.validateSession(second.id)).toEqual({ id: 'ada' });
    },
  );

  test.each(['evict-oldest', 'reject'] as const)(
    'the limit applies to each user separately (%s)',
    async (overflow) => {
      const app = fixture.open({ maxSessionsPerUser: 1, overflow, buckets: 1 });
      const ada = await app.service.createSession({ userId: 'ada' });
      const bob = await app.service.createSession({ userId: 'bob' });
      expect(await app.service.validateSession(ada.id)).toEqual({ id: 'ada' });
      expect(await app.service.validateSession(bob.id)).toEqual({ id: 'bob' });
    },
  );
});
