import { afterEach, describe, test } from '@jest/globals';

import type { ApplicationOptions } from './application.js';
import {
  openOnRedis,
  type ContractApplication,
  type RedisApplication,
} from './contract-application.js';
import { eventually } from './eventually.js';
import { openInMemory } from './memory-application.js';
import type { RedisUnderTest } from './redis-under-test.js';
import { useServers } from './use-servers.js';

/** Whether this jest project tests the sessions in memory, of `nest-session-ledger/testing`. */
export const inMemory = globalThis.REDIS === 'memory';

/** A test of what only Redis has; skipped in memory. */
export const testOnRedis: (title: string, run: () => Promise<void>) => void = inMemory
  ? test.skip
  : test;

/** A block of such tests. */
export const describeOnRedis: (title: string, define: () => void) => void = inMemory
  ? describe.skip
  : describe;

export interface ContractFixture {
  /** Opens an application, which is closed after the test. */
  open(options?: ApplicationOptions): ContractApplication;
  /** For `testOnRedis`. */
  openOnRedis(options?: ApplicationOptions): RedisApplication;
  /** For `testOnRedis`. */
  readonly redis: RedisUnderTest;
}

/**
 * Applications for tests of what `SessionService` promises on a Redis, on a Cluster and in memory:
 * the jest project decides. After each test, everything that they have stored must satisfy the
 * invariants.
 */
export function useContract(): ContractFixture {
  const servers = inMemory ? null : useServers();
  const applications: ContractApplication[] = [];
  const opened = <Opened extends ContractApplication>(application: Opened): Opened => {
    applications.push(application);
    return application;
  };

  afterEach(async () => {
    const all = applications.splice(0);
    try {
      const byPrefix = new Map(all.map((application) => [application.prefix, application]));
      for (const application of byPrefix.values()) {
        // A call that timed out may still be on its way to Redis.
        await eventually(() => application.expectInvariants());
      }
    } finally {
      await Promise.all(all.map((application) => application.close()));
    }
  });

  return {
    get redis() {
      return servers!.redis;
    },
    open: (options) =>
      opened(servers ? openOnRedis(servers.redis, options) : openInMemory(options)),
    openOnRedis: (options) => opened(openOnRedis(servers!.redis, options)),
  };
}
