import { describe, expect, test } from '@jest/globals';

import { scripts } from '../../../src/store/scripts.js';
import { redisTime } from '../../support/application.js';
import { HOUR, MINUTE, SECOND } from '../../support/durations.js';
import { dumpKeys } from '../../support/key-dump.js';
import { letTimePass } from '../../support/move-time.js';
import { eventsOf, readOutbox } from '../../support/outbox.js';
import {
  answersOf,
  FIRST_SESSION,
  lastCall,
  recordScripts,
  replay,
  type ScriptCall,
} from '../../support/script-calls.js';
import { useRedis } from '../../support/use-redis.js';

/** After the deadline that the store sets for a request, and after every receipt has expired. */
const TOO_LATE = 30 * SECOND;

// If the connection is lost before the reply arrives, ioredis sends the command again. So a script
// may run twice with the same arguments, the second time at once or much later.
describe('replayed scripts', () => {
  const fixture = useRedis();
  const open = (options = {}) => {
    const app = fixture.open({ buckets: 2, ...options });
    return { ...app, calls: recordScripts(app) };
  };
  const dump = (app: { prefix: string }) => dumpKeys(fixture.redis, `${app.prefix}:`);

  /** Replays the call, and expects the same reply and no change of any key, value or expiry. */
  const expectHarmless = async (app: ReturnType<typeof open>, call: ScriptCall) => {
    const before = await dump(app);
    expect(await replay(app, call)).toEqual(call.reply);
    expect(await dump(app)).toEqual(before);
  };

  describe('at once', () => {
    test('create is idempotent', async () => {
      const app = open({ idleTimeout: MINUTE });
      const client = { ip: '203.0.113.7', userAgent: 'Firefox/140' };
      await app.service.createSession({ userId: 'ada', client, data: { a: 1 } });
      await expectHarmless(app, lastCall(app.calls, scripts.create));
    });

    test('create with a Date as expiry is idempotent', async () => {
      const app = open();
      const expires = new Date((await redisTime(app, 'ada')) + HOUR);
      await app.service.createSession({ userId: 'ada', expires });
      await expectHarmless(app, lastCall(app.calls, scripts.create));
    });

    test('create that evicts another session is idempotent', async () => {
      const app = open({ maxSessionsPerUser: 1 });
      await app.service.createSession({ userId: 'ada' });
      await app.service.createSession({ userId: 'ada' });
      await expectHarmless(app, lastCall(app.calls, scripts.create));
    });

    test.each([
      ['the session limit', { maxSessionsPerUser: 1, overflow: 'reject' }, HOUR],
      ['a full outbox', { backlogLimit: 1 }, HOUR],
      ['the maximum lifetime', { maxLifetime: HOUR }, HOUR + 1],
      ['an expiry in the past', {}, new Date(1)],
    ])('create that was rejected because of %s is rejected again', async (__, options, expires) => {
      const app = open(options);
      await app.service.createSession({ userId: 'ada', expires: MINUTE });
      await expect(app.service.createSession({ userId: 'ada', expires })).rejects.toThrow();
      const call = lastCall(app.calls, scripts.create);
      const before = await dump(app);
      const [[result]] = answersOf(await replay(app, call)) as [string[]];
      expect(result).toBe(answersOf(call.reply)[0]![0]);
      expect(await dump(app)).toEqual(before);
    });

    test('touch is idempotent', async () => {
      const app = open({ idleTimeout: 10 * MINUTE });
      const { id } = await app.service.createSession({ userId: 'ada' });
      await letTimePass(app, 2 * MINUTE);
      await app.service.validateSession(id);
      await expectHarmless(app, lastCall(app.calls, scripts.touch));
    });

    test('destroy is idempotent', async () => {
      const app = open();
      const { id } = await app.service.createSession({ userId: 'ada' });
      await app.service.destroySession(id);
      await expectHarmless(app, lastCall(app.calls, scripts.destroy));
    });

    test('destroy of an unknown session is idempotent', async () => {
      const app = open();
      const { handle } = await open().service.createSession({ userId: 'ada' });
      await app.service.destroySessionByHandle(handle);
      await expectHarmless(app, lastCall(app.calls, scripts.destroy));
    });

    // Only if the user has fewer sessions than a chunk: replaying a full chunk ends the next chunk,
    // which the caller would have asked for anyway.
    test('destroy-all is idempotent', async () => {
      const app = open();
      for (let n = 0; n < 5; n++) await app.service.createSession({ userId: 'ada' });
      const { id: except } = await app.service.createSession({ userId: 'ada' });
      await app.service.createSession({ userId: 'bob' });
      await app.service.invalidateAllUserSessions('ada', { except });
      await expectHarmless(app, lastCall(app.calls, scripts.destroyAll));
    });

    test('rotate is idempotent', async () => {
      const app = open({ idleTimeout: MINUTE });
      const { id } = await app.service.createSession({ userId: 'ada', data: { a: 1 } });
      await app.service.rotateSession(id);
      await expectHarmless(app, lastCall(app.calls, scripts.rotate));
    });

    test('rotate of an ended session is idempotent', async () => {
      const app = open();
      const { id } = await app.service.createSession({ userId: 'ada' });
      await app.service.destroySession(id);
      await expect(app.service.rotateSession(id)).rejects.toThrow();
      await expectHarmless(app, lastCall(app.calls, scripts.rotate));
    });

    test('update-data is idempotent', async () => {
      const app = open();
      const { id } = await app.service.createSession({ userId: 'ada', data: { a: 1, b: 2 } });
      await app.service.updateSessionData(id, { a: undefined, b: 3, c: { d: 4 } });
      await expectHarmless(app, lastCall(app.calls, scripts.updateData));
    });

    test('declare-lost is idempotent', async () => {
      const app = open();
      const session = await app.service.createSession({ userId: 'ada' });
      const { handle, userId, createdAt, expiresAt } = session;
      const [bucket, digest] = [Number.parseInt(handle.slice(0, 2), 16), handle.slice(2)];
      const keys = app.buckets.keysOf(bucket);
      await app.client.del(keys.session(digest), keys.expiryIndex, keys.userSet(userId));
      const lost = { createdAt: createdAt.getTime(), userId, expiresAt: expiresAt.getTime() };
      await app.upkeep.declareLost({ bucket, digest }, lost);
      expect(await eventsOf(app, handle)).toMatchObject([{}, { reason: 'lost' }]);
      await expectHarmless(app, lastCall(app.calls, scripts.declareLost));
    });

    test('declare-lost of a live session is idempotent', async () => {
      const app = open();
      const session = await app.service.createSession({ userId: 'ada' });
      const { id, handle, userId, createdAt, expiresAt } = session;
      const [bucket, digest] = [Number.parseInt(handle.slice(0, 2), 16), handle.slice(2)];
      const lost = { createdAt: createdAt.getTime(), userId, expiresAt: expiresAt.getTime() };
      await app.upkeep.declareLost({ bucket, digest }, lost);
      expect(await app.service.validateSession(id)).toEqual({ id: 'ada' });
      await expectHarmless(app, lastCall(app.calls, scripts.declareLost));
    });

    test('sweep is idempotent', async () => {
      const app = open({ buckets: 1 });
      for (let n = 0; n < 5; n++) {
        await app.service.createSession({ userId: `user ${n}`, expires: HOUR });
      }
      await letTimePass(app, 2 * HOUR);
      await app.upkeep.sweepAll();
      await expectHarmless(app, lastCall(app.calls, scripts.sweep));
    });
  });

  describe('after the session has ended', () => {
    const endings: [
      string,
      number,
      (app: ReturnType<typeof open>, id: string) => Promise<unknown>,
    ][] = [
      ['by log-out', 0, (app, id) => app.service.destroySession(id)],
      ['by log-out everywhere', 0, (app) => app.service.invalidateAllUserSessions('ada')],
      ['by rotation', 0, (app, id) => app.service.rotateSession(id)],
      ['by expiry', 5 * MINUTE, async () => undefined],
      ['by expiry, and was swept', 5 * MINUTE, (app) => app.upkeep.sweepAll()],
    ];

    test.each(endings)(
      'a replayed create does not restore a session that ended %s',
      async (__, passed, end) => {
        const app = open();
        const session = await app.service.createSession({ userId: 'ada', expires: MINUTE });
        const call = lastCall(app.calls, scripts.create);
        await letTimePass(app, passed);
        await end(app, session.id);
        const before = await dump(app);
        const [[result]] = answersOf(await replay(app, call, passed)) as [string[]];
        expect(result).toBe(passed === 0 ? 'OK' : 'STALE');
        expect(await dump(app)).toEqual(before);
        expect(await app.service.validateSession(session.id)).toBeNull();
      },
    );

    test('a replayed create of an ended session, within its deadline, returns the session', async () => {
      const app = open();
      const { id } = await app.service.createSession({ userId: 'ada' });
      await app.service.destroySession(id);
      await expectHarmless(app, lastCall(app.calls, scripts.create));
    });

    test('a replayed create does not restore a session of a few milliseconds', async () => {
      const app = open();
      const { handle, expiresAt } = await app.service.createSession({ userId: 'ada', expires: 5 });
      while ((await redisTime(app, 'ada')) <= expiresAt.getTime()) continue;
      await expectHarmless(app, lastCall(app.calls, scripts.create));
      await app.upkeep.sweepAll();
      await expectHarmless(app, lastCall(app.calls, scripts.create));
      expect(await eventsOf(app, handle)).toHaveLength(2);
    });

    test('a replayed rotate does not restore its new session after that was ended', async () => {
      const app = open();
      const { id } = await app.service.createSession({ userId: 'ada' });
      const rotated = await app.service.rotateSession(id);
      await app.service.destroySession(rotated.id);
      await expectHarmless(app, lastCall(app.calls, scripts.rotate));
    });

    test('a replayed rotate does not restore its new session after that was evicted', async () => {
      const app = open({ maxSessionsPerUser: 1 });
      const { id } = await app.service.createSession({ userId: 'ada' });
      await app.service.rotateSession(id);
      await app.service.createSession({ userId: 'ada' });
      await expectHarmless(app, lastCall(app.calls, scripts.rotate));
    });

    test.each(['touch', 'updateData'] as const)(
      'a replayed %s of an ended session changes nothing',
      async (name) => {
        const app = open({ idleTimeout: 10 * MINUTE });
        const { id } = await app.service.createSession({ userId: 'ada' });
        await letTimePass(app, 2 * MINUTE);
        await app.service.validateSession(id);
        await app.service.updateSessionData(id, { a: 1 });
        await app.service.destroySession(id);
        const before = await dump(app);
        expect(await replay(app, lastCall(app.calls, scripts[name]))).toBe('GONE');
        expect(await dump(app)).toEqual(before);
      },
    );
  });

  describe('after the deadline', () => {
    const expectStale = async (app: ReturnType<typeof open>, call: ScriptCall) => {
      await letTimePass(app, TOO_LATE);
      const before = await dump(app);
      const [[result]] = answersOf(await replay(app, call, TOO_LATE)) as [string[]];
      expect(result).toBe('STALE');
      expect(await dump(app)).toEqual(before);
    };

    test('a late create whose session has ended is stale', async () => {
      const app = open();
      const { id } = await app.service.createSession({ userId: 'ada' });
      await app.service.destroySession(id);
      await expectStale(app, lastCall(app.calls, scripts.create));
    });

    test('a late rotate whose session has ended is stale', async () => {
      const app = open();
      const { id } = await app.service.createSession({ userId: 'ada' });
      const rotated = await app.service.rotateSession(id);
      await app.service.destroySession(rotated.id);
      await expectStale(app, lastCall(app.calls, scripts.rotate));
    });

    test('a late update-data is stale, as it would undo later updates', async () => {
      const app = open();
      const { id } = await app.service.createSession({ userId: 'ada' });
      await app.service.updateSessionData(id, { a: 'first' });
      const call = lastCall(app.calls, scripts.updateData);
      await app.service.updateSessionData(id, { a: 'second' });
      await expectStale(app, call);
    });
  });

  test('a replayed destroy-all spares sessions created since', async () => {
    const app = open();
    await app.service.createSession({ userId: 'ada' });
    await app.service.invalidateAllUserSessions('ada');
    const call = lastCall(app.calls, scripts.destroyAll);
    await letTimePass(app, SECOND);
    const { id } = await app.service.createSession({ userId: 'ada' });
    await replay(app, call, SECOND);
    expect(await app.service.validateSession(id)).toEqual({ id: 'ada' });
  });

  test('a deadline that is too far ahead is stale, because the receipt would expire first', async () => {
    const app = open();
    await app.service.createSession({ userId: 'ada' });
    const call = lastCall(app.calls, scripts.create);
    const args = call.args
      .with(FIRST_SESSION, 'another')
      .with(FIRST_SESSION + 2, Number(call.args[FIRST_SESSION + 2]) + 11 * SECOND);
    const [[result]] = answersOf(await replay(app, { ...call, args })) as [string[]];
    expect(result).toBe('STALE');
    expect(await readOutbox(app)).toHaveLength(1);
  });
});
