import { afterAll, beforeAll } from '@jest/globals';

import { openApplication, type Application } from '../../support/application.js';
import { letTimePassFor } from '../../support/move-time.js';
import { singleRedis, type RedisUnderTest } from '../../support/redis-under-test.js';
import { useRedis } from '../../support/use-redis.js';
import {
  PREFIX,
  startWebApplication,
  type Extras,
  type Platform,
  type WebApplication,
} from './web-application.js';

/** A running application and its Redis. */
export interface Site {
  readonly app: WebApplication;
  readonly redis: RedisUnderTest;
  /** Lets time pass (ms) for the sessions of a user. */
  letTimePass(userId: string, ms: number): Promise<void>;
}

/** Starts a Redis and an application before the tests of this block and stops them afterwards. */
export function useWebApplication(platform: Platform, more?: Extras): Site {
  let app: WebApplication | undefined;
  let clock: Application | undefined;
  // Jest runs these hooks in this order: the application must close before its Redis.
  afterAll(async () => {
    await app?.close();
    await clock?.close();
  });
  const fixture = useRedis(() => singleRedis());
  beforeAll(async () => {
    app = await startWebApplication(platform, fixture.redis, more);
    clock = openApplication(fixture.redis, { prefix: PREFIX });
  });
  return {
    get redis() {
      return fixture.redis;
    },
    get app() {
      return app!;
    },
    letTimePass: (userId, ms) => letTimePassFor(clock!, userId, ms),
  };
}
