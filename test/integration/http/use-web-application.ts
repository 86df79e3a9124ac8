import { afterAll, beforeAll } from '@jest/globals';

import { openApplication, type Application } from '../../support/application.js';
import { letTimePassFor } from '../../support/move-time.js';
import { singleRedis } from '../../support/redis-under-test.js';
import { useRedis, type Ground } from '../../support/use-redis.js';
import {
  PREFIX,
  startWebApplication,
  type Extras,
  type Platform,
  type WebApplication,
} from './web-application.js';

/** What the tests of a web application stand on. */
export interface Site {
  readonly app: WebApplication;
  readonly ground: Ground;
  /** Lets time pass for the sessions of a user. */
  letTimePass(userId: string, ms: number): Promise<void>;
}

/** Starts a Redis and an application before the tests of this block, and stops both after them. */
export function useWebApplication(platform: Platform, more?: Extras): Site {
  let app: WebApplication | undefined;
  let clock: Application | undefined;
  // Jest runs these in the order of their lines: the application goes before its Redis.
  afterAll(async () => {
    await app?.close();
    await clock?.close();
  });
  const ground = useRedis(() => singleRedis());
  beforeAll(async () => {
    app = await startWebApplication(platform, ground.redis, more);
    clock = openApplication(ground.redis, { prefix: PREFIX });
  });
  return {
    ground,
    get app() {
      return app!;
    },
    letTimePass: (userId, ms) => letTimePassFor(clock!, userId, ms),
  };
}
