import { beforeEach, describe, expect, jest, test } from '@jest/globals';
import type { Redis } from 'ioredis';

import { type Application } from '../../support/application.js';
import { HOUR } from '../../support/durations.js';
import { createManySessions } from '../../support/many-sessions.js';
import { letTimePassFor } from '../../support/move-time.js';
import { readOutbox } from '../../support/outbox.js';
import { singleRedis } from '../../support/redis-under-test.js';
import { useRedis } from '../../support/use-redis.js';

const MANY = 100_000;
/** ms that no script may hold Redis. */
const LONGEST = 50;

/** How long scripts held Redis, ms. */
interface Holds {
  /** The most of its own time that Redis spent on one script, and whatever came beside it. */
  longest: number;
  /** By Redis's slow log. On a busy machine it also counts the time that others took away. */
  slow: number[];
  scripts: number;
}

jest.setTimeout(240_000); // for a busy machine; usually this takes seconds

describe('a user with 100,000 sessions', () => {
  const fixture = useRedis(singleRedis);
  let redis: Redis;

  beforeEach(async () => {
    redis = fixture.redis.nodes[0]!;
    await redis.flushall();
    await redis.config('SET', 'slowlog-max-len', '10000');
  });

  test('is logged out everywhere, and no script holds Redis for more than 50 ms', async () => {
    const app = fixture.open({ backlogLimit: 0 });
    await createManySessions(app, 'ada', MANY);
    const bystander = await app.service.createSession({ userId: 'bob' });
    let served = 0;
    const loggingOut = new AbortController();
    const others = (async () => {
      while (!loggingOut.signal.aborted) {
        expect(await app.service.validateSession(bystander.id)).toEqual({ id: 'bob' });
        served += 1;
      }
    })();

    const holds = await holdsOf(app, () => app.service.invalidateAllUserSessions('ada'));
    loggingOut.abort();
    await others;

    expectShort(holds);
    expect(served).toBeGreaterThan(MANY / 1000); // between the chunks
    expect(await app.service.listUserSessions('ada')).toEqual([]);
    const ended = (await readOutbox(app)).filter(({ event }) => event === 'destroyed');
    expect(ended).toHaveLength(MANY);
    expect(new Set(ended.map(({ handle }) => handle)).size).toBe(MANY);
  });

  test('all of whose sessions are over is swept within the same bounds', async () => {
    const app = fixture.open({ backlogLimit: 0, buckets: 1 });
    await createManySessions(app, 'ada', MANY / 5);
    await letTimePassFor(app, 'ada', 2 * HOUR);
    expectShort(await holdsOf(app, () => app.upkeep.sweepAll()));
  });

  test('signs in under a limit that was lowered to two, within the same bounds', async () => {
    const app = fixture.open({ backlogLimit: 0 });
    await createManySessions(app, 'ada', MANY / 5);
    const limited = fixture.open({ prefix: app.prefix, backlogLimit: 0, maxSessionsPerUser: 2 });
    const signIn = () => limited.service.createSession({ userId: 'ada' });
    expectShort(await holdsOf(limited, signIn));
    expect(await limited.service.listUserSessions('ada')).toHaveLength(2);
  });

  const holdsOf = async (app: Application, action: () => Promise<unknown>): Promise<Holds> => {
    const times: number[] = [];
    const { redis: bounded } = app.buckets;
    const run = bounded.run.bind(bounded);
    bounded.run = async (...call) => {
      const before = await timeSpent();
      const reply = await run(...call);
      times.push((await timeSpent()) - before);
      return reply;
    };
    await redis.config('SET', 'slowlog-log-slower-than', String(LONGEST * 1000));
    await redis.slowlog('RESET');
    await action();
    const entries = (await redis.slowlog('GET', 10_000)) as [number, number, number, string[]][];
    const slow = entries.filter(([, , , [name]]) => /^eval/i.test(name!));
    return {
      longest: Math.max(...times),
      slow: slow.map(([, , took]) => took / 1000),
      scripts: times.length,
    };
  };

  /** ms that Redis itself has spent so far, waiting not counted. */
  const timeSpent = async () => {
    const info = await redis.info('cpu');
    const seconds = (name: string) => Number(new RegExp(`${name}:([\\d.]+)`).exec(info)![1]);
    return (seconds('used_cpu_user_main_thread') + seconds('used_cpu_sys_main_thread')) * 1000;
  };

  const expectShort = ({ longest, slow, scripts }: Holds) => {
    expect(scripts).toBeGreaterThan(50);
    expect(longest).toBeLessThan(LONGEST);
    // One in a hundred: the machine's own interruptions, which strike long and short alike.
    expect(slow.length).toBeLessThanOrEqual(scripts / 100);
  };
});
