import { setImmediate as nextTurn } from 'node:timers/promises';

import { describe, expect, test } from '@jest/globals';

import type { Session } from '../../../src/session/session.js';
import { redisTime, type Application, type ApplicationOptions } from '../../support/application.js';
import { HOUR, MINUTE } from '../../support/durations.js';
import { letTimePass } from '../../support/move-time.js';
import { readOutbox } from '../../support/outbox.js';
import { useRedis, type RedisFixture } from '../../support/use-redis.js';

const ROUNDS = 250;

/** The outcome of a call: 'done', or the error code. */
type Outcome = string;

/**
 * Two or more processes, each with its own connection, work on the same sessions at once. Which
 * call comes first is left to chance, and the tests expect to see every order. `useRedis` checks
 * the invariants after each test.
 */
describe('races', () => {
  const fixture = useRedis();

  describe('ending a session', () => {
    const users = Array.from({ length: ROUNDS }, (_, n) => `user ${n}`);

    test('a session that is ended while it is used stays ended', async () => {
      const [one, two] = processes(fixture, 2, { idleTimeout: 30 * MINUTE });
      const sessions = await signInAll(one, users);
      await letTimePass(one, 10 * MINUTE); // so that each use writes
      const seen = new Set<boolean>();
      for (const { id } of sessions) {
        await atOnce(
          () => one.service.destroySession(id),
          async () => seen.add((await two.service.validateSession(id)) !== null),
        );
        expect(await two.service.validateSession(id)).toBeNull();
      }
      expect(seen).toEqual(new Set([true, false]));
      await expectEnded(one, sessions, ['logout']);
    });

    test('a session that is ended while it is rotated either ends or continues under its new ID', async () => {
      const [one, two] = processes(fixture, 2);
      const sessions = await signInAll(one, users);
      const seen = new Set<Outcome>();
      for (const { id, userId } of sessions) {
        let rotated: Session | undefined;
        const [, outcome] = await atOnce(
          () => one.service.destroySession(id),
          async () => {
            rotated = await two.service.rotateSession(id);
          },
        );
        seen.add(outcome);
        expect(await one.service.validateSession(id)).toBeNull();
        const alive = (await one.service.listUserSessions(userId)).map(({ handle }) => handle);
        expect(alive).toEqual(rotated ? [rotated.handle] : []);
      }
      expect(seen).toEqual(new Set(['done', 'ERR_SESSION_NOT_FOUND']));
      await expectEnded(one, sessions, ['logout', 'rotated']);
    });

    test('a session that is ended while its data is updated stays ended', async () => {
      const [one, two] = processes(fixture, 2);
      const sessions = await signInAll(one, users);
      const seen = new Set<Outcome>();
      for (const { id } of sessions) {
        const [, outcome] = await atOnce(
          () => one.service.destroySession(id),
          () => two.service.updateSessionData(id, { late: true }),
        );
        seen.add(outcome);
        expect(await two.service.getSession(id)).toBeNull();
      }
      expect(seen).toEqual(new Set(['done', 'ERR_SESSION_NOT_FOUND']));
      await expectEnded(one, sessions, ['logout']);
    });

    test('a session that is ended while it expires ends once', async () => {
      const [one, two] = processes(fixture, 2, { buckets: 1 });
      const reasons = new Set<string>();
      for (let round = 0; round < 10; round++) {
        // A few sessions expire each millisecond, while the code below runs.
        const sessions = await Promise.all(
          users
            .slice(0, 60)
            .map((userId, n) => one.service.createSession({ userId, expires: 5 + (n % 30) })),
        );
        const last = Math.max(...sessions.map(({ expiresAt }) => expiresAt.getTime()));
        const sweeping = (async () => {
          while ((await redisTime(two, 'anyone')) <= last) await two.upkeep.sweep(0);
        })();
        for (const { id } of sessions.toReversed()) await one.service.destroySession(id);
        await sweeping;
        while (await two.upkeep.sweep(0)) continue;
        const handles = new Set(sessions.map(({ handle }) => handle));
        const ended = (await readOutbox(one)).filter(({ event }) => event === 'destroyed');
        const ours = ended.filter(({ handle }) => handles.has(handle));
        expect(ours).toHaveLength(sessions.length);
        for (const { reason } of ours) reasons.add(reason);
      }
      expect(reasons).toEqual(new Set(['logout', 'expired']));
    });
  });

  test('two simultaneous rotations of one session: exactly one succeeds', async () => {
    const [one, two] = processes(fixture, 2);
    const winners = new Set<number>();
    const users = Array.from({ length: ROUNDS }, (_, n) => `user ${n}`);
    for (const { id, userId } of await signInAll(one, users)) {
      const rotated: (Session | undefined)[] = [undefined, undefined];
      const rotate = async (n: number, { service }: Application) => {
        rotated[n] = await service.rotateSession(id);
      };
      const outcomes = await atOnce(
        () => rotate(0, one),
        () => rotate(1, two),
      );
      expect(outcomes.toSorted()).toEqual(['ERR_SESSION_NOT_FOUND', 'done']);
      const winner = rotated[0] ? 0 : 1;
      winners.add(winner);
      expect(await one.service.listUserSessions(userId)).toMatchObject([
        { handle: rotated[winner]!.handle },
      ]);
    }
    expect(winners).toEqual(new Set([0, 1]));
  });

  test('logging out everywhere also ends a session that is being rotated', async () => {
    const [one, two] = processes(fixture, 2);
    const seen = new Set<Outcome>();
    const users = Array.from({ length: ROUNDS }, (_, n) => `user ${n}`);
    for (const { id, userId } of await signInAll(one, users)) {
      const [, outcome] = await atOnce(
        () => one.service.invalidateAllUserSessions(userId),
        async () => void (await two.service.rotateSession(id)),
      );
      seen.add(outcome);
      expect(await two.service.listUserSessions(userId)).toEqual([]);
    }
    expect(seen).toEqual(new Set(['done', 'ERR_SESSION_NOT_FOUND']));
  });

  test('logging out everywhere ends all earlier sessions and no later ones', async () => {
    const [one, two, three] = processes(fixture, 3);
    for (let round = 0; round < 40; round++) {
      const userId = `user ${round}`;
      const before = await Promise.all([
        one.service.createSession({ userId }),
        two.service.createSession({ userId }),
      ]);
      const meanwhile: Promise<Session>[] = [];
      const signIns = (async () => {
        for (let n = 0; n < 15; n++) {
          meanwhile.push((n % 2 ? one : two).service.createSession({ userId }));
          await meanwhile.at(-1);
        }
      })();
      await three.service.invalidateAllUserSessions(userId);
      const after = await one.service.createSession({ userId });
      await signIns;

      for (const { id } of before) expect(await one.service.validateSession(id)).toBeNull();
      expect(await two.service.validateSession(after.id)).toEqual({ id: userId });
      const created = new Set((await Promise.all(meanwhile)).map(({ handle }) => handle));
      for (const { handle } of await one.service.listUserSessions(userId)) {
        expect(handle === after.handle || created.has(handle)).toBe(true);
      }
    }
  });

  describe('the session limit', () => {
    const signInFiftyTimes = (apps: Application[], userId: string) =>
      Promise.allSettled(
        Array.from({ length: 50 }, (_, n) =>
          apps[n % apps.length]!.service.createSession({ userId }),
        ),
      );

    test("fifty simultaneous sign-ins all succeed, and the limit's number of sessions remain ('evict-oldest')", async () => {
      const apps = processes(fixture, 5, { maxSessionsPerUser: 3, overflow: 'evict-oldest' });
      for (let round = 0; round < 20; round++) {
        const userId = `user ${round}`;
        const results = await signInFiftyTimes(apps, userId);
        expect(results.every(({ status }) => status === 'fulfilled')).toBe(true);
        expect(await apps[0].service.listUserSessions(userId)).toHaveLength(3);
      }
      const ended = (await readOutbox(apps[0])).filter(({ event }) => event === 'destroyed');
      expect(ended).toHaveLength(20 * 47);
      expect(new Set(ended.map(({ reason }) => reason))).toEqual(new Set(['evicted']));
    });

    test("of fifty simultaneous sign-ins, as many succeed as the limit allows ('reject')", async () => {
      const apps = processes(fixture, 5, { maxSessionsPerUser: 7, overflow: 'reject' });
      for (let round = 0; round < 20; round++) {
        const userId = `user ${round}`;
        const results = await signInFiftyTimes(apps, userId);
        const succeeded = results.filter(({ status }) => status === 'fulfilled');
        const rejected = results.filter(({ status }) => status === 'rejected');
        expect(succeeded).toHaveLength(7);
        for (const result of rejected) {
          expect(result).toMatchObject({ reason: { code: 'ERR_SESSION_LIMIT' } });
        }
        expect(await apps[0].service.listUserSessions(userId)).toHaveLength(7);
      }
    });

    test('the limit is never exceeded while users sign in and out', async () => {
      const apps = processes(fixture, 5, { maxSessionsPerUser: 4, overflow: 'reject' });
      for (let round = 0; round < 20; round++) {
        const userId = `user ${round}`;
        let most = 0;
        const signInAndOut = async (app: Application) => {
          for (let n = 0; n < 6; n++) {
            const session = await app.service.createSession({ userId }).catch(() => null);
            most = Math.max(most, (await app.service.listUserSessions(userId)).length);
            if (session) await app.service.destroySession(session.id);
          }
        };
        await Promise.all(apps.flatMap((app) => [signInAndOut(app), signInAndOut(app)]));
        expect(most).toBeLessThanOrEqual(4);
        expect(await apps[0].service.listUserSessions(userId)).toEqual([]);
      }
    });
  });
});

/** Processes of one application, each with its own connection. */
function processes<Count extends number>(
  fixture: RedisFixture,
  count: Count,
  options: ApplicationOptions = {},
) {
  const first = fixture.open(options);
  const others = Array.from({ length: count - 1 }, () =>
    fixture.open({ ...options, prefix: first.prefix }),
  );
  return [first, ...others] as unknown as Application[] & Record<0 | 1 | 2, Application>;
}

function signInAll({ service }: Application, userIds: string[]): Promise<Session[]> {
  return Promise.all(userIds.map((userId) => service.createSession({ userId, expires: HOUR })));
}

/** Makes both calls at once, each after a short random delay. */
function atOnce(
  one: () => Promise<unknown>,
  two: () => Promise<unknown>,
): Promise<[Outcome, Outcome]> {
  const outcomeOf = async (call: () => Promise<unknown>): Promise<Outcome> => {
    for (let turns = Math.random() * 4; turns > 1; turns--) await nextTurn();
    return call().then(
      () => 'done',
      (error: { code: string }) => error.code,
    );
  };
  return Promise.all([outcomeOf(one), outcomeOf(two)]);
}

/** Expects each session to have ended once, for one of the reasons, and each reason to occur. */
async function expectEnded(app: Application, sessions: Session[], reasons: string[]) {
  const events = await readOutbox(app);
  const ended = events.filter(({ event }) => event === 'destroyed');
  const handles = ended.map(({ handle }) => handle);
  expect(handles.toSorted()).toEqual(sessions.map(({ handle }) => handle).toSorted());
  expect(new Set(ended.map(({ reason }) => reason))).toEqual(new Set(reasons));
}
