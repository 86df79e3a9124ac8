import { resolveCookie, type CookieSettings } from '../http/cookie-options.js';
import type { SessionError } from '../errors.js';
import {
  BUCKETS,
  checkOption,
  invalidOption as invalidOptionOf,
  oneOf,
  PREFIX,
  SQL_IDENTIFIER,
  wholeNumber,
  type OptionRule,
} from '../option-rules.js';
import { DEFAULT_NAME } from './tokens.js';
import type { MetricsOptions } from '../observability/metrics.js';
import type { DatabaseConnection, SessionModuleOptions } from './session.options.js';
import { milliseconds, type Duration } from '../session/duration.js';
import { policies } from '../session/policies.js';
import type { SessionUser, UserLoader } from '../session/session.js';
import { resolveUserId, type UserIdSettings } from '../audit/postgres/user-id.js';
import type { RedisConnection } from '../store/connect.js';
import type { Overflow } from '../store/scripts.js';
import { MAX_REDIS_TIMEOUT } from '../store/bounded-redis.js';

/** The options with defaults applied. Times in ms; 0 switches a rule off. */
export interface ResolvedOptions<TUser = SessionUser> {
  name: string;
  redis: RedisConnection;
  database: DatabaseConnection | undefined;
  users: UserLoader<TUser>;
  userId: UserIdSettings;
  lifetime: number;
  maxLifetime: number;
  idleTimeout: number;
  maxSessionsPerUser: number;
  overflow: Overflow;
  cookie: CookieSettings;
  audit: {
    worker: boolean;
    /** 0 if sessions are created whatever the backlog. */
    backlogLimit: number;
    schema: string;
    migrate: boolean;
    emptyRedis: 'hold' | 'adopt';
  };
  /** Null if metrics are off. */
  metrics: MetricsOptions | null;
  tracing: boolean;
  prefix: string;
  buckets: number;
  redisTimeout: number;
}

/** Names the options in an error message. */
const PLACE = 'SessionModule';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const YEAR = 366 * DAY;
/** The create script reads every session of a user who is at the limit. */
const MAX_SESSIONS_PER_USER = 1_000;

/**
 * Checks the options and applies the defaults.
 *
 * @throws SessionError `ERR_SESSION_OPTIONS`, which names the option, its value and the remedy
 */
export function resolveOptions<TUser>(
  options: SessionModuleOptions<TUser>,
  name = DEFAULT_NAME,
): ResolvedOptions<TUser> {
  const limits = policies[options.policy ?? 'aal1'];
  if (!limits) throw invalidOption('policy', options.policy, "use 'aal1', 'aal2' or 'aal3'");
  const maxLifetime = duration('maxLifetime', options.maxLifetime, limits.maxLifetime, 1, YEAR);
  const defaultLifetime = Math.min(12 * HOUR, maxLifetime);
  const audit = options.audit ?? {};
  const worker = audit.worker ?? true;
  if (!options.redis)
    throw invalidOption('redis', options.redis, 'give a URL, ioredis options or a client');
  if (!options.database && worker) {
    throw invalidOption(
      'database',
      options.database,
      'give a URL, TypeORM options or a DataSource. Only a process with `audit.worker: false` can leave it out',
    );
  }
  return {
    name,
    redis: options.redis,
    database: options.database,
    users: options.users ?? (withoutLoader as UserLoader<TUser>),
    userId: resolveUserId(PLACE, options.userId),
    maxLifetime,
    lifetime: duration('lifetime', options.lifetime, defaultLifetime, 1, maxLifetime),
    idleTimeout: duration('idleTimeout', options.idleTimeout, limits.idleTimeout, 0, YEAR),
    maxSessionsPerUser: check(
      'maxSessionsPerUser',
      options.maxSessionsPerUser ?? 0,
      wholeNumber(0, MAX_SESSIONS_PER_USER),
    ),
    overflow: check(
      'overflow',
      options.overflow ?? 'evict-oldest',
      oneOf('evict-oldest', 'reject'),
    ),
    cookie: resolveCookie(options.cookie, name === DEFAULT_NAME ? undefined : name),
    audit: {
      worker,
      backlogLimit: backlogLimit(audit),
      schema: check('audit.schema', audit.schema ?? defaultSchema(name), SQL_IDENTIFIER),
      migrate: audit.migrate ?? false,
      emptyRedis: check('audit.emptyRedis', audit.emptyRedis ?? 'hold', oneOf('hold', 'adopt')),
    },
    metrics: options.metrics ? (options.metrics === true ? {} : options.metrics) : null,
    tracing: options.tracing ?? true,
    prefix: check('prefix', options.prefix ?? defaultPrefix(name), PREFIX),
    buckets: check('buckets', options.buckets ?? 16, BUCKETS),
    redisTimeout: duration('redisTimeout', options.redisTimeout, 500, 1, MAX_REDIS_TIMEOUT),
  };
}

const withoutLoader: UserLoader<SessionUser> = { findById: async (id) => ({ id }) };

function backlogLimit(audit: NonNullable<SessionModuleOptions['audit']>): number {
  const whenFull = audit.whenBacklogFull ?? 'reject';
  check('audit.whenBacklogFull', whenFull, oneOf('reject', 'accept'));
  if (whenFull === 'accept') return 0;
  return check('audit.backlogLimit', audit.backlogLimit ?? 100_000, wholeNumber(1, 2 ** 31));
}

function defaultPrefix(name: string): string {
  return name === DEFAULT_NAME ? 'nsl' : `nsl-${name}`;
}

/** A module of its own has tables of its own: two modules in one schema would be one ledger. */
function defaultSchema(name: string): string {
  return name === DEFAULT_NAME ? 'public' : `session_${name.replaceAll(/[^A-Za-z0-9_]/g, '_')}`;
}

function check<T>(option: string, value: unknown, rule: OptionRule<T>): T {
  return checkOption(PLACE, option, value, rule);
}

function duration(
  option: string,
  value: Duration | undefined,
  fallback: number,
  min: number,
  max: number,
) {
  const ms = value === undefined ? fallback : milliseconds(value);
  if (ms >= min && ms <= max) return Math.floor(ms);
  throw invalidOption(
    option,
    value,
    `use milliseconds from ${min} to ${max}, or text such as '30m' or '12h'`,
  );
}

function invalidOption(option: string, value: unknown, remedy: string): SessionError {
  return invalidOptionOf(PLACE, option, value, remedy);
}
