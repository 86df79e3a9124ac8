import { openRedis, type RedisConnection } from '../../src/store/connect.js';
import type { RedisClient } from '../../src/store/bounded-redis.js';
import { Buckets } from '../../src/store/buckets.js';
import type { StoreRules } from '../../src/store/scripts.js';
import { MAX_REDIS_TIMEOUT, SessionStore } from '../../src/store/session-store.js';
import { SessionUpkeep } from '../../src/store/session-upkeep.js';
import { bucketOf } from '../../src/store/session-id.js';
import type { SessionUser, UserLoader } from '../../src/session/session.js';
import { TrackingService } from './issued-ids.js';
import type { RedisUnderTest } from './redis-under-test.js';

export const SECOND = 1000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

/** What a test sets differently from the module's own defaults. */
export interface ApplicationOptions extends Partial<StoreRules> {
  lifetime?: number;
  users?: UserLoader<SessionUser>;
  buckets?: number;
  timeout?: number;
  /** Keys of its own unless given; two applications of one prefix share their sessions. */
  prefix?: string;
  /** Instead of a connection of the application's own: a live client, say, or through a proxy. */
  connection?: RedisConnection;
}

/** A process of an application: its service and store over its own connection. */
export interface Application {
  readonly service: TrackingService;
  readonly store: SessionStore;
  readonly buckets: Buckets;
  readonly upkeep: SessionUpkeep;
  readonly client: RedisClient;
  readonly prefix: string;
  readonly options: ApplicationOptions;
  close(): Promise<void>;
}

const RULES: StoreRules = {
  maxLifetime: 30 * DAY,
  idleTimeout: 0,
  maxSessionsPerUser: 0,
  overflow: 'evict-oldest',
  backlogLimit: 100_000,
};

/** The longest that can be set: a busy machine is no fault. Tests of the bound itself set another. */
const PATIENCE = MAX_REDIS_TIMEOUT;

let prefixes = 0;

export function openApplication(
  redis: RedisUnderTest,
  options: ApplicationOptions = {},
): Application {
  const { prefix = `app${++prefixes}`, buckets: count = 16, timeout = PATIENCE } = options;
  const { lifetime = 12 * HOUR, users = { findById: async (id) => ({ id }) } } = options;
  const rules = { ...RULES, ...definedRules(options) };
  const { client, close } = openRedis(options.connection ?? redis.connection, timeout);
  const buckets = new Buckets({ client, prefix, count, timeout });
  const store = new SessionStore(buckets, rules);
  const upkeep = new SessionUpkeep(buckets);
  const { idleTimeout } = rules;
  const service = new TrackingService(store, { lifetime, idleTimeout, users });
  return {
    service,
    store,
    buckets,
    upkeep,
    client,
    prefix,
    options: { ...options, prefix },
    close,
  };
}

function definedRules(options: ApplicationOptions): Partial<StoreRules> {
  const names = Object.keys(RULES).filter((name) => Object.hasOwn(options, name));
  return Object.fromEntries(names.map((name) => [name, options[name as keyof StoreRules]]));
}

/** Another process of the same application, with a connection of its own. */
export function anotherProcess(redis: RedisUnderTest, of: Application): Application {
  return openApplication(redis, of.options);
}

/** Sweeps all buckets until nothing is due. */
export async function sweepAll({ upkeep }: Application): Promise<void> {
  await upkeep.sweepAll();
}

/** The time of the node that holds the user's sessions (ms since 1970). */
export async function redisTime({ buckets }: Application, userId: string): Promise<number> {
  return buckets.readTime(bucketOf(userId, buckets.count));
}
