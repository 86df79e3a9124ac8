import { afterAll, afterEach, beforeAll } from '@jest/globals';

import { startPostgres, type PrivatePostgres } from '../../../dev/index.js';
import { projectRedis, type RedisUnderTest } from '../../support/redis-under-test.js';
import { expectNoIssuedIds } from '../../support/secret-search.js';
import { openTrail, type Trail, type TrailOptions } from './trail.js';

/** What the tests of a spec stand on. */
export interface LedgerGround {
  readonly redis: RedisUnderTest;
  readonly postgres: PrivatePostgres;
  /** A trail in a database of its own, with keys of its own. Proved and closed after the test. */
  open(options?: TrailOptions): Promise<Trail>;
}

/**
 * Starts a Redis and a Postgres before the tests of this block and stops them after.
 *
 * After each test its trails must be valid: every session with one beginning and at most one end,
 * no chain broken, and no session ID in any table. After all of them, Redis is searched, too.
 */
export function useLedger(startRedis: () => Promise<RedisUnderTest> = projectRedis): LedgerGround {
  let redis: RedisUnderTest | undefined;
  let postgres: PrivatePostgres | undefined;
  const trails: Trail[] = [];

  beforeAll(async () => {
    [redis, postgres] = await Promise.all([startRedis(), startPostgres()]);
  });
  afterEach(async () => {
    const opened = trails.splice(0);
    try {
      for (const trail of opened) await trail.prove();
    } finally {
      await Promise.all(opened.map((trail) => trail.close()));
    }
  });
  afterAll(async () => {
    try {
      if (redis) await expectNoIssuedIds(redis);
    } finally {
      await Promise.all([redis?.stop(), postgres?.stop()]);
    }
  });

  return {
    get redis() {
      return redis!;
    },
    get postgres() {
      return postgres!;
    },
    async open(options) {
      const trail = await openTrail(redis!, postgres!, options);
      trails.push(trail);
      return trail;
    },
  };
}
