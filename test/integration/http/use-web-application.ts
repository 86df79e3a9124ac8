import { beforeAll } from '@jest/globals';

import { letTimePassFor } from '../../support/move-time.js';
import type { Platform } from '../../support/nest-application.js';
import type { RedisUnderTest } from '../../support/redis-under-test.js';
import { useServers } from '../../support/use-servers.js';
import { startWebApplication, type Extras, type WebApplication } from './web-application.js';

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
  const servers = useServers();
  beforeAll(async () => {
    app = await startWebApplication(platform, servers.redis, more);
  });
  servers.beforeStop(() => app?.close());

  return {
    get redis() {
      return servers.redis;
    },
    get app() {
      return app!;
    },
    letTimePass: (userId, ms) => letTimePassFor(app!, userId, ms),
  };
}
