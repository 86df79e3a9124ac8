import { afterAll, afterEach, beforeAll } from '@jest/globals';

import { openApplication, type Application, type ApplicationOptions } from './application.js';
import { projectRedis, type RedisUnderTest } from './redis-under-test.js';
import { eventually } from './eventually.js';
import { expectNoIssuedIds } from './secret-search.js';
import { expectInvariants } from './invariants.js';

/** What the tests of a spec stand on. */
export interface RedisFixture {
  readonly redis: RedisUnderTest;
  /** Opens an application that is closed after the test. */
  open(options?: ApplicationOptions): Application;
}

/**
 * Starts a Redis before the tests of this block and stops it after them.
 *
 * After each test, what its applications have in Redis must be of one piece. After all of them,
 * Redis is searched for the session IDs that were handed out: there must be none.
 */
export function useRedis(start: () => Promise<RedisUnderTest> = projectRedis): RedisFixture {
  let redis: RedisUnderTest | undefined;
  const applications: Application[] = [];

  beforeAll(async () => {
    redis = await start();
  });
  afterEach(async () => {
    const opened = applications.splice(0);
    try {
      const ofPrefix = new Map(opened.map((application) => [application.prefix, application]));
      for (const application of ofPrefix.values()) {
        // Eventually: a call that was given up may still be on its way.
        await eventually(() => expectInvariants(redis!, application));
      }
    } finally {
      await Promise.all(opened.map((application) => application.close()));
    }
  });
  afterAll(async () => {
    if (!redis) return;
    try {
      await expectNoIssuedIds(redis);
    } finally {
      await redis.stop();
    }
  });

  return {
    get redis() {
      if (!redis) throw new Error('Redis is started before the first test, not before.');
      return redis;
    },
    open(options) {
      const application = openApplication(this.redis, options);
      applications.push(application);
      return application;
    },
  };
}
