import { afterEach } from '@jest/globals';

import { openApplication, type Application, type ApplicationOptions } from './application.js';
import { eventually } from './eventually.js';
import { expectInvariants, type InvariantTolerance } from './invariants.js';
import type { RedisUnderTest } from './redis-under-test.js';
import { useServers } from './use-servers.js';

export interface RedisFixture {
  readonly redis: RedisUnderTest;
  /** Opens an application, which is closed after the test. */
  open(options?: ApplicationOptions): Application;
}

/**
 * A Redis for the tests of this block, and applications without Nest. After each test, everything
 * that its applications have in Redis must satisfy the invariants.
 */
export function useRedis(
  start?: () => Promise<RedisUnderTest>,
  tolerance?: InvariantTolerance,
): RedisFixture {
  const servers = useServers({ redis: start });
  const applications: Application[] = [];

  afterEach(async () => {
    const opened = applications.splice(0);
    try {
      const byPrefix = new Map(opened.map((application) => [application.prefix, application]));
      for (const application of byPrefix.values()) {
        // A call that timed out may still be on its way to Redis.
        await eventually(() => expectInvariants(servers.redis, application, tolerance));
      }
    } finally {
      await Promise.all(opened.map((application) => application.close()));
    }
  });

  return {
    get redis() {
      return servers.redis;
    },
    open(options) {
      const application = openApplication(servers.redis, options);
      applications.push(application);
      return application;
    },
  };
}
