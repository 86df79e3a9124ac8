import { afterEach } from '@jest/globals';

import type { PrivatePostgres } from '../../dev/index.js';
import type { RedisUnderTest } from './redis-under-test.js';
import { openTrail, type Trail, type TrailOptions } from './trail.js';
import { useServers } from './use-servers.js';

export interface LedgerFixture {
  readonly redis: RedisUnderTest;
  readonly postgres: PrivatePostgres;
  /** Opens a trail with its own database and keys. It is checked and closed after the test. */
  open(options?: TrailOptions): Promise<Trail>;
}

/**
 * A Redis and a Postgres for the tests of this block. After each test, its trails must satisfy the
 * invariants.
 */
export function useLedger(): LedgerFixture {
  const servers = useServers({ postgres: true });
  const trails: Trail[] = [];

  afterEach(async () => {
    const opened = trails.splice(0);
    try {
      for (const trail of opened) await trail.expectInvariants();
    } finally {
      await Promise.all(opened.map((trail) => trail.close()));
    }
  });

  return {
    get redis() {
      return servers.redis;
    },
    get postgres() {
      return servers.postgres;
    },
    async open(options) {
      const trail = await openTrail(servers.redis, servers.postgres, options);
      trails.push(trail);
      return trail;
    },
  };
}
