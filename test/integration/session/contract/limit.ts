import { describe, expect, test } from '@jest/globals';

import { HOUR, sweepAll } from '../../../support/application.js';
import { letTimePassFor } from '../../../support/move-time.js';
import { eventsOf, readOutbox } from '../../../support/outbox.js';
import type { Ground } from '../../../support/use-redis.js';

export function limit(ground: Ground): void {
  describe("with the rule 'evict-oldest'", () => {
    const open = (maxSessionsPerUser = 3) =>
      ground.open({ maxSessionsPerUser, overflow: 'evict-oldest' });

    test('the oldest session makes room, whenever it was to end', async () => {
      const app = open();
      const ids: string[] = [];
      for (const expires of [5 * HOUR, HOUR, 3 * HOUR, 2 * HOUR, 4 * HOUR]) {
        ids.push((await app.service.createSession({ userId: 'ada', expires })).id);
        await letTimePassFor(app, 'ada', 10);
      }
      const valid = await Promise.all(ids.map((id) => app.service.validateSession(id)));
      expect(valid.map((user) => user !== null)).toEqual([false, false, true, true, true]);
    });

    test('its end says so, before the beginning that it made room for', async () => {
      const app = open(1);
      const first = await app.service.createSession({ userId: 'ada' });
      const second = await app.service.createSession({ userId: 'ada' });
      expect(await readOutbox(app)).toMatchObject([
        { event: 'created', handle: first.handle },
        { event: 'destroyed', handle: first.handle, reason: 'evicted', actor: '' },
        { event: 'created', handle: second.handle },
      ]);
    });

    test('a limit that was lowered holds from the next sign-in on', async () => {
      const app = ground.open();
      await Promise.all(
        Array.from({ length: 700 }, () => app.service.createSession({ userId: 'ada' })),
      );
      const lowered = ground.open({ prefix: app.prefix, maxSessionsPerUser: 2 });
      const { handle } = await lowered.service.createSession({ userId: 'ada' });
      const left = await lowered.service.listUserSessions('ada');
      expect(left).toHaveLength(2);
      expect(left.map((session) => session.handle)).toContain(handle);
      const ended = (await readOutbox(app)).filter(({ event }) => event === 'destroyed');
      expect(ended).toHaveLength(699);
    });

    test('a session whose record was lost takes no place, and holds nothing up', async () => {
      const app = ground.open();
      const lost = await Promise.all(
        Array.from({ length: 250 }, () =>
          app.service.createSession({ userId: 'ada', expires: HOUR }),
        ),
      );
      for (const { handle } of lost) {
        const keys = app.store.buckets.keysOf(Number.parseInt(handle.slice(0, 2), 16));
        await app.client.del(keys.session(handle.slice(2)));
      }
      const limited = ground.open({ prefix: app.prefix, maxSessionsPerUser: 2 });
      const first = await limited.service.createSession({ userId: 'ada' });
      const second = await limited.service.createSession({ userId: 'ada' });
      expect(await limited.service.validateSession(first.id)).toEqual({ id: 'ada' });
      expect(await limited.service.validateSession(second.id)).toEqual({ id: 'ada' });

      await letTimePassFor(app, 'ada', 2 * HOUR);
      await sweepAll(app);
      const ended = (await readOutbox(app)).filter(({ event }) => event === 'destroyed');
      expect(ended.map(({ handle }) => handle).toSorted()).toEqual(
        lost.map(({ handle }) => handle).toSorted(),
      );
    });
  });

  describe("with the rule 'reject'", () => {
    const open = () => ground.open({ maxSessionsPerUser: 2, overflow: 'reject' });

    test('the new session is refused, and those that are stay', async () => {
      const app = open();
      const first = await app.service.createSession({ userId: 'ada' });
      const second = await app.service.createSession({ userId: 'ada' });
      await expect(app.service.createSession({ userId: 'ada' })).rejects.toMatchObject({
        code: 'ERR_SESSION_LIMIT',
      });
      for (const { id } of [first, second]) {
        expect(await app.service.validateSession(id)).toEqual({ id: 'ada' });
      }
      expect(await readOutbox(app)).toHaveLength(2);
    });

    test('who ends a session can sign in again', async () => {
      const app = open();
      const { id, handle } = await app.service.createSession({ userId: 'ada' });
      await app.service.createSession({ userId: 'ada' });
      await app.service.destroySession(id);
      await app.service.createSession({ userId: 'ada' });
      expect(await eventsOf(app, handle)).toHaveLength(2);
    });

    test('a session that is over counts no more, swept or not', async () => {
      const app = open();
      await app.service.createSession({ userId: 'ada', expires: HOUR });
      await app.service.createSession({ userId: 'ada', expires: 3 * HOUR });
      await letTimePassFor(app, 'ada', 2 * HOUR);
      await app.service.createSession({ userId: 'ada' });
      expect(await app.service.listUserSessions('ada')).toHaveLength(2);
    });
  });

  test.each(['evict-oldest', 'reject'] as const)(
    'a rotation at the limit counts once (%s)',
    async (overflow) => {
      const app = ground.open({ maxSessionsPerUser: 2, overflow });
      const first = await app.service.createSession({ userId: 'ada' });
      const second = await app.service.createSession({ userId: 'ada' });
      const rotated = await app.service.rotateSession(first.id);
      expect(await app.service.validateSession(rotated.id)).toEqual({ id: 'ada' });
      expect(await app.service.validateSession(second.id)).toEqual({ id: 'ada' });
    },
  );

  test.each(['evict-oldest', 'reject'] as const)(
    'the limit is one of each user (%s)',
    async (overflow) => {
      const app = ground.open({ maxSessionsPerUser: 1, overflow, buckets: 1 });
      const ada = await app.service.createSession({ userId: 'ada' });
      const bob = await app.service.createSession({ userId: 'bob' });
      expect(await app.service.validateSession(ada.id)).toEqual({ id: 'ada' });
      expect(await app.service.validateSession(bob.id)).toEqual({ id: 'bob' });
    },
  );
}
