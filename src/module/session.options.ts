import type { DataSource, DataSourceOptions } from 'typeorm';

import type { CookieOptions } from '../http/cookie-options.js';
import type { MetricsOptions } from '../observability/metrics.js';
import type { Duration } from '../session/duration.js';
import type { PolicyName } from '../session/policies.js';
import type { SessionUser, UserLoader } from '../session/session.js';
import type { UserIdOptions } from '../audit/postgres/user-id.js';
import type { RedisConnection } from '../store/connect.js';
import type { Overflow } from '../store/scripts.js';

type PostgresOptions = Extract<DataSourceOptions, { type: 'postgres' }>;

/** How to reach Postgres: a URL, TypeORM's options, or an existing `DataSource`, which stays open. */
export type DatabaseConnection = string | Omit<PostgresOptions, 'type'> | DataSource;

/** The options of the audit trail. */
export interface AuditOptions {
  /**
   * Whether this process runs the jobs that move events into Postgres. Set it to `false` in web
   * processes if other processes run them.
   *
   * @default true
   */
  worker?: boolean;
  /**
   * How many events of one bucket may wait for Postgres. Beyond that, `whenBacklogFull` applies.
   *
   * @default 100_000
   */
  backlogLimit?: number;
  /**
   * `'reject'`: no session is created until Postgres has caught up (`ERR_SESSION_BACKLOG`).
   * `'accept'`: sessions are created, and Redis's memory fills up. Ending a session is never
   * rejected.
   *
   * @default 'reject'
   */
  whenBacklogFull?: 'reject' | 'accept';
  /**
   * The Postgres schema of the audit tables. Two modules in one database need two.
   *
   * @default 'public', or 'session_' and the module's `name`
   */
  schema?: string;
  /**
   * Run the pending migrations of the audit tables when the application starts.
   *
   * @default false: run them as a step of the deployment
   */
  migrate?: boolean;
  /**
   * What happens if Redis is new or empty although the audit tables belong to another one.
   * `'hold'`: sessions work, and nothing is recorded until an operator runs `session-ledger adopt`.
   * `'adopt'`: the ledger continues with the empty Redis, and all open sessions are recorded as lost.
   * Use it in development only, where Redis is flushed on purpose.
   *
   * @default 'hold'
   */
  emptyRedis?: 'hold' | 'adopt';
}

/** The options of `SessionModule.forRoot`. Durations are milliseconds or text such as `'30m'`. */
export interface SessionModuleOptions<TUser = SessionUser> {
  /**
   * Redis 7 or newer (or Valkey) with `maxmemory-policy noeviction`: a URL, ioredis's options, a
   * Cluster's nodes, or an existing client.
   */
  redis: RedisConnection;
  /** Postgres 14 or newer, for the audit trail. Optional only with `audit.worker: false`. */
  database?: DatabaseConnection;
  /** Loads the user of a session. Default: the user is `{ id: userId }`. */
  users?: UserLoader<TUser>;
  /** The type of your user IDs, and the users table that the audit trail references. */
  userId?: UserIdOptions;
  /**
   * Limits by NIST SP 800-63B-4: `'aal1'` at most 30 days; `'aal2'` 24 hours and 1 hour idle;
   * `'aal3'` 12 hours and 15 minutes idle. Explicit options override the policy.
   */
  policy?: PolicyName;
  /**
   * The lifetime of a session that is created without `expires`.
   *
   * @default '12h', or `maxLifetime` if that is shorter
   */
  lifetime?: Duration;
  /**
   * The longest lifetime of a session, however much it is used (ASVS 7.3.2).
   *
   * @default '30d'
   */
  maxLifetime?: Duration;
  /**
   * Ends a session that hasn't been used for this long (ASVS 7.3.1). `0` switches it off.
   *
   * @default 0
   */
  idleTimeout?: Duration;
  /**
   * How many sessions a user can have at once (ASVS 7.1.2), at most 1,000. `0` means any number.
   *
   * @default 0
   */
  maxSessionsPerUser?: number;
  /**
   * What happens at `maxSessionsPerUser`: the oldest session is ended, or the new one is rejected.
   *
   * @default 'evict-oldest'
   */
  overflow?: Overflow;
  /** The session cookie. */
  cookie?: CookieOptions;
  /** The audit trail. */
  audit?: AuditOptions;
  /**
   * Prometheus metrics, using the package `prom-client`: `true`, or the registry to use.
   *
   * @default false
   */
  metrics?: boolean | MetricsOptions;
  /**
   * OpenTelemetry spans for each operation, if the package `@opentelemetry/api` is installed.
   *
   * @default true
   */
  tracing?: boolean;
  /**
   * The start of every Redis key. Must not contain braces or spaces.
   *
   * @default 'nsl', or 'nsl-' and the module's `name`
   */
  prefix?: string;
  /**
   * How many partitions the users are spread over: 1 to 256. Can't change once sessions exist.
   *
   * @default 16
   */
  buckets?: number;
  /**
   * How long a call waits for Redis (ms), at most 5 s.
   *
   * @default 500
   */
  redisTimeout?: Duration;
}
