import { afterAll, beforeAll } from '@jest/globals';

import { SessionTestingLedger } from '../../../src/testing/index.js';
import { letTimePassFor } from '../../support/move-time.js';
import type { Platform } from '../../support/nest-application.js';
import type { RedisUnderTest } from '../../support/redis-under-test.js';
import { inMemory } from '../../support/use-contract.js';
import { useServers } from '../../support/use-servers.js';
import { startWebApplication, type Extras, type WebApplication } from './web-application.js';

/** A running application and its Redis. */
export interface Site {
  readonly app: WebApplication;
  /** For tests that don't run in memory. */
  readonly redis: RedisUnderTest;
  /** Lets time pass (ms) for the sessions of a user. */
  letTimePass(userId: string, ms: number): Promise<void>;
  /** Another process of the application. In memory there is only one. */
  startAnother(): Promise<WebApplication>;
}

/**
 * Starts an application before the tests of this block and stops it afterwards: with a Redis or,
 * in the project `memory`, with its sessions in memory.
 */
export function useWebApplication(platform: Platform, more?: Extras): Site {
  let app: WebApplication | undefined;
  const servers = inMemory ? null : useServers();
  const start = () => startWebApplication(platform, servers?.redis ?? null, more);
  beforeAll(async () => {
    app = await start();
  });
  if (servers) servers.beforeStop(() => app?.close());
  else afterAll(() => app?.close());

  return {
    get redis() {
      return servers!.redis;
    },
    get app() {
      return app!;
    },
    async letTimePass(userId, ms) {
      if (inMemory) SessionTestingLedger.of(app!.nest).letTimePass(ms);
      else await letTimePassFor(app!, userId, ms);
    },
    startAnother: async () => (inMemory ? app! : start()),
  };
}
