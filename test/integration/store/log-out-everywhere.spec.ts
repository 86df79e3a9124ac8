import { beforeEach, describe, expect, jest, test } from '@jest/globals';
import type { Redis } from 'ioredis';

import { type Application } from '../../support/application.js';
import { HOUR } from '../../support/durations.js';
import { createManySessions } from '../../support/many-sessions.js';
import { letTimePassFor } from '../../support/move-time.js';
import { readOutbox } from '../../support/outbox.js';
import { useRedis } from '../../support/use-redis.js';

const MANY = 100_000;
/** The longest that a script may block Redis (ms). */
const MAX_BLOCK = 50;

/** How long scripts blocked Redis (ms). */
interface Blocks {
  /** The most CPU time that Redis used during one script, including any other commands. */
  longest: number;
  /** Entries of Redis's slow log. Wall time, so a busy machine makes them longer. */
  slow: number[];
  scripts: number;
}

jest.setTimeout(240_000); // usually takes seconds; a busy machine needs longer

describe('a user with 100,000 sessions', () => {
  const fixture = useRedis();
  let redis: Redis;

  beforeEach(async () => {
    redis = fixture.redis.nodes[0]!;
    await redis.flushall();
    await redis.config('SET', 'slowlog-max-len', '10000');
  });

  test('logging out 100,000 sessions never blocks Redis for more than 50 ms', async () => {
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

    const blocks = await measureBlocks(app, () => app.service.invalidateAllUserSessions('ada'));
    loggingOut.abort();
    await others;

    expectShort(blocks);
    expect(served).toBeGreaterThan(MANY / 1000); // so others were served between the chunks
    expect(await app.service.listUserSessions('ada')).toEqual([]);
    const ended = (await readOutbox(app)).filter(({ event }) => event === 'destroyed');
    expect(ended).toHaveLength(MANY);
    expect(new Set(ended.map(({ handle }) => handle)).size).toBe(MANY);
  });

  test('sweeping 20,000 sessions of one user never blocks Redis for more than 50 ms', async () => {
    const app = fixture.open({ backlogLimit: 0, buckets: 1 });
    await createManySessions(app, 'ada', MANY / 5);
    await letTimePassFor(app, 'ada', 2 * HOUR);
    expectShort(await measureBlocks(app, () => app.upkeep.sweepAll()));
  });

  test('evicting 20,000 sessions at sign-in never blocks Redis for more than 50 ms', async () => {
    const app = fixture.open({ backlogLimit: 0 });
    await createManySessions(app, 'ada', MANY / 5);
    const limited = fixture.open({ prefix: app.prefix, backlogLimit: 0, maxSessionsPerUser: 2 });
    const signIn = () => limited.service.createSession({ userId: 'ada' });
    expectShort(await measureBlocks(limited, signIn));
    expect(await limited.service.listUserSessions('ada')).toHaveLength(2);
  });

  const measureBlocks = async (
    app: Application,
    action: () => Promise<unknown>,
  ): Promise<Blocks> => {
    const times: number[] = [];
    const { redis: bounded } = app.buckets;
    const run = bounded.run.bind(bounded);
    bounded.run = async (...call) => {
      const before = await cpuTime();
      const reply = await run(...call);
      times.push((await cpuTime()) - before);
      return reply;
    };
    await redis.config('SET', 'slowlog-log-slower-than', String(MAX_BLOCK * 1000));
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

  /** The CPU time that Redis has used so far (ms). */
  const cpuTime = async () => {
    const info = await redis.info('cpu');
    const seconds = (name: string) => Number(new RegExp(`${name}:([\\d.]+)`).exec(info)![1]);
    return (seconds('used_cpu_user_main_thread') + seconds('used_cpu_sys_main_thread')) * 1000;
  };

  const expectShort = ({ longest, slow, scripts }: Blocks) => {
    expect(scripts).toBeGreaterThan(50);
    expect(longest).toBeLessThan(MAX_BLOCK);
    // The machine's own interruptions can slow down any script: allow for one in a hundred.
    expect(slow.length).toBeLessThanOrEqual(scripts / 100);
  };
});
