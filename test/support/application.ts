import { checkUserIdType, type UserIdType } from '../../src/audit/postgres/user-id.js';
import { openRedis, type RedisConnection } from '../../src/store/connect.js';
import { MAX_REDIS_TIMEOUT, type RedisClient } from '../../src/store/bounded-redis.js';
import { Buckets } from '../../src/store/buckets.js';
import type { StoreRules } from '../../src/store/scripts.js';
import { SessionStore } from '../../src/store/session-store.js';
import { SessionUpkeep } from '../../src/store/session-upkeep.js';
import { bucketOf } from '../../src/store/session-id.js';
import type { SessionUser, UserLoader } from '../../src/session/session.js';
import { SessionService } from '../../src/session/session.service.js';
import { DAY, HOUR } from './durations.js';
import { trackIds } from './issued-ids.js';
import type { RedisUnderTest } from './redis-under-test.js';

/** Where a test differs from the module's own defaults. */
export interface ApplicationOptions extends Partial<StoreRules> {
  lifetime?: number;
  userIdType?: UserIdType;
  users?: UserLoader<SessionUser>;
  buckets?: number;
  /** Default: the maximum, so that a busy machine causes no errors. */
  timeout?: number;
  /** Default: a new prefix. Applications with the same prefix share their sessions. */
  prefix?: string;
  /** Used instead of opening a connection: a live client, or the URL of a proxy. */
  connection?: RedisConnection;
}

/** One process of an application without Nest: the service and its store. */
export interface Application {
  readonly service: SessionService;
  readonly store: SessionStore;
  readonly buckets: Buckets;
  readonly upkeep: SessionUpkeep;
  readonly client: RedisClient;
  readonly prefix: string;
  close(): Promise<void>;
}

const RULES: StoreRules = {
  maxLifetime: 30 * DAY,
  idleTimeout: 0,
  maxSessionsPerUser: 0,
  overflow: 'evict-oldest',
  backlogLimit: 100_000,
};

let prefixes = 0;

export function openApplication(
  redis: RedisUnderTest,
  options: ApplicationOptions = {},
): Application {
  const { prefix, count, rules, service: settings } = settingsOf(options);
  const { timeout = MAX_REDIS_TIMEOUT } = options;
  const opened = openRedis(options.connection ?? redis.connection, timeout);
  const { client, close } = opened;
  const buckets = new Buckets({ ...opened, prefix, count, timeout });
  const store = new SessionStore(buckets, rules);
  const upkeep = new SessionUpkeep(buckets);
  const service = trackIds(new SessionService(store, settings));
  return { service, store, buckets, upkeep, client, prefix, close };
}

/** The options with their defaults. */
export function settingsOf(options: ApplicationOptions) {
  const { prefix = `app${++prefixes}`, buckets: count = 16 } = options;
  const { lifetime = 12 * HOUR, users = { findById: async (id) => ({ id }) } } = options;
  const rules = { ...RULES, ...definedRules(options) };
  const { idleTimeout, maxLifetime } = rules;
  const toUserId = (id: string) => checkUserIdType(id, options.userIdType ?? 'text');
  const service = { lifetime, maxLifetime, idleTimeout, users, toUserId };
  return { prefix, count, rules, service };
}

function definedRules(options: ApplicationOptions): Partial<StoreRules> {
  const names = Object.keys(RULES).filter((name) => Object.hasOwn(options, name));
  return Object.fromEntries(names.map((name) => [name, options[name as keyof StoreRules]]));
}

/** The time of the node that holds the user's sessions (ms since 1970). */
export async function redisTime({ buckets }: Application, userId: string): Promise<number> {
  return buckets.readTime(bucketOf(userId, buckets.count));
}
