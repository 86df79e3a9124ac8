import type { DataSource, DataSourceOptions } from 'typeorm';

import type { CookieOptions } from '../http/cookie-options.js';
import type { MetricsOptions } from '../observability/metrics-options.js';
import type { Duration } from '../session/duration.js';
import type { PolicyName } from '../session/policies.js';
import type { SessionUser, UserLoader } from '../session/session.js';
import type { UserIdOptions } from '../audit/postgres/user-id.js';
import type { RedisConnection } from '../store/connect.js';
import type { Overflow } from '../store/scripts.js';

type PostgresOptions = Extract<DataSourceOptions, { type: 'postgres' }>;

/** How to reach Postgres: a URL, TypeORM's options, or a live `DataSource`, which is left open. */
export type DatabaseConnection = string | Omit<PostgresOptions, 'type'> | DataSource;

/** The audit trail's part of the options. */
export interface AuditOptions {
  /**
   * Whether this process runs the jobs that carry events into Postgres. `false` for web processes
   * beside others that do.
   *
   * @default true
   */
  worker?: boolean;
  /**
   * Events of one bucket that may wait for Postgres. Beyond it, `whenBacklogFull` decides.
   *
   * @default 100_000
   */
  backlogLimit?: number;
  /**
   * `'reject'`: no session begins until Postgres has caught up (`ERR_SESSION_BACKLOG`).
   * `'accept'`: sessions go on, and Redis's memory fills. Ending a session is never refused.
   *
   * @default 'reject'
   */
  whenBacklogFull?: 'reject' | 'accept';
  /**
   * The Postgres schema of the audit tables. Two modules in one database need two.
   *
   * @default 'public'
   */
  schema?: string;
  /**
   * Run the pending migrations of the audit tables at start.
   *
   * @default false: `npm run migration:run` in a deployment's own step
   */
  migrate?: boolean;
}

/** The options of `SessionModule.forRoot`. Durations are milliseconds or text such as `'30m'`. */
export interface SessionModuleOptions<TUser = SessionUser> {
  /** Redis 7 (or Valkey) with `maxmemory-policy noeviction`: a URL, ioredis's options, a Cluster's nodes, or a live client. */
  redis: RedisConnection;
  /** Postgres 14 or newer, for the audit trail. May be left out only with `audit.worker: false`. */
  database?: DatabaseConnection;
  /** Finds the user of a session. Left out, the user is `{ id: userId }`. */
  users?: UserLoader<TUser>;
  /** The type of your user IDs, and the users table that the audit trail refers to. */
  userId?: UserIdOptions;
  /**
   * Limits by NIST SP 800-63B-4: `'aal1'` at most 30 days; `'aal2'` 24 hours and 1 hour idle;
   * `'aal3'` 12 hours and 15 minutes idle. Explicit options override it.
   */
  policy?: PolicyName;
  /**
   * Lifetime of a session that is created without `expires`.
   *
   * @default '12h', or `maxLifetime` where that is shorter
   */
  lifetime?: Duration;
  /**
   * The longest that a session can live, however much it is used (ASVS 7.3.2).
   *
   * @default '30d'
   */
  maxLifetime?: Duration;
  /**
   * Ends a session that isn't used for so long (ASVS 7.3.1). `0` switches it off.
   *
   * @default 0
   */
  idleTimeout?: Duration;
  /**
   * How many sessions a user can have at once (ASVS 7.1.2). `0` for any number, at most 1,000.
   *
   * @default 0
   */
  maxSessionsPerUser?: number;
  /**
   * What happens at `maxSessionsPerUser`: the oldest session makes room, or the new one is refused.
   *
   * @default 'evict-oldest'
   */
  overflow?: Overflow;
  /** The session cookie. */
  cookie?: CookieOptions;
  /** The audit trail. */
  audit?: AuditOptions;
  /**
   * Prometheus metrics, by the package `prom-client`: `true`, or the registry to use.
   *
   * @default false
   */
  metrics?: boolean | MetricsOptions;
  /**
   * OpenTelemetry spans for each operation, where the package `@opentelemetry/api` is installed.
   *
   * @default true
   */
  tracing?: boolean;
  /**
   * Starts every Redis key. Without braces.
   *
   * @default 'sess', or 'sess-' and the module's `name`
   */
  prefix?: string;
  /**
   * Partitions of all users, 1 to 256. Fixed once sessions exist.
   *
   * @default 16
   */
  buckets?: number;
  /**
   * How long a call waits for Redis, at most 5 s.
   *
   * @default 500
   */
  redisTimeout?: Duration;
  /**
   * Start even where Redis may evict keys. An evicted session is gone without having been ended.
   *
   * @default false
   */
  allowEviction?: boolean;
}
