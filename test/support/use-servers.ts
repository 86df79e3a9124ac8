import { afterAll, beforeAll } from '@jest/globals';

import { startPostgres, type PrivatePostgres } from '../../dev/index.js';
import { projectRedis, type RedisUnderTest } from './redis-under-test.js';
import { expectNoIssuedIds } from './secret-search.js';

/** The private servers of a block of tests. */
export interface Servers {
  readonly redis: RedisUnderTest;
  /** Throws unless `postgres` was asked for. */
  readonly postgres: PrivatePostgres;
  /** Runs the callback after the last test, before the servers stop. */
  beforeStop(callback: () => unknown): void;
}

export interface ServerOptions {
  /** Default: the Redis of the jest project. */
  redis?: () => Promise<RedisUnderTest>;
  postgres?: boolean;
}

/**
 * Starts servers before the tests of this block and stops them after. At the end, Redis must hold
 * none of the session IDs that the tests were issued.
 */
export function useServers({
  redis: startRedis = projectRedis,
  postgres: needsPostgres = false,
}: ServerOptions = {}): Servers {
  let redis: RedisUnderTest | undefined;
  let postgres: PrivatePostgres | undefined;
  const callbacks: (() => unknown)[] = [];

  beforeAll(async () => {
    [redis, postgres] = await Promise.all([
      startRedis(),
      needsPostgres ? startPostgres() : undefined,
    ]);
  });
  afterAll(async () => {
    try {
      for (const callback of callbacks) await callback();
      if (redis) await expectNoIssuedIds(redis);
    } finally {
      await Promise.all([redis?.stop(), postgres?.stop()]);
    }
  });

  return {
    get redis() {
      return started(redis, 'Redis');
    },
    get postgres() {
      return started(postgres, 'Postgres');
    },
    beforeStop: (callback) => void callbacks.push(callback),
  };
}

function started<Server>(server: Server | undefined, name: string): Server {
  if (!server) throw new Error(`${name} is not running: it starts before the first test.`);
  return server;
}
