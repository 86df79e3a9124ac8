import type { OnApplicationShutdown, Provider } from '@nestjs/common';

import { Ledger } from '../audit/ledger.js';
import { LedgerDatabase } from '../audit/postgres/connection.js';
import { ledgerSettings } from '../audit/postgres/schema.js';
import { checkUserIdType } from '../audit/postgres/user-id.js';
import type { SessionAudit } from '../audit/session-audit.js';
import {
  getSessionAuthenticatorToken,
  SessionAuthenticator,
} from '../http/session.authenticator.js';
import { SessionCookie } from '../http/session.cookie.js';
import { wrapOperations } from '../observability/instrument.js';
import { startMetrics, type SessionMetrics } from '../observability/metrics.js';
import { SessionHealth } from '../observability/health.js';
import { startTracing } from '../observability/tracing.js';
import { SessionService } from '../session/session.service.js';
import { Buckets } from '../store/buckets.js';
import { openRedis, type OpenedRedis } from '../store/connect.js';
import { SessionStore } from '../store/session-store.js';
import { checkRedis } from '../store/startup-checks.js';
import { MODULE_OPTIONS_TOKEN } from './module-definition.js';
import { resolveOptions, type ResolvedOptions } from './resolve-options.js';
import type { SessionModuleOptions } from './session.options.js';
import {
  getSessionAuditToken,
  getSessionCookieToken,
  getSessionHealthToken,
  getSessionServiceToken,
} from './tokens.js';

/** Internal tokens. Nest keeps a set of providers for each module, so they need no name. */
const OPTIONS = Symbol('RESOLVED_OPTIONS');
const OPENED_REDIS = Symbol('OPENED_REDIS');

/** A module's providers, in the order in which they start. */
export function providersOf(name: string): Provider[] {
  const service = getSessionServiceToken(name);
  const authenticator = getSessionAuthenticatorToken(name);
  const audit = getSessionAuditToken(name);
  return [
    {
      provide: OPTIONS,
      inject: [MODULE_OPTIONS_TOKEN],
      useFactory: (options: SessionModuleOptions<unknown>) => resolveOptions(options, name),
    },
    { provide: OPENED_REDIS, inject: [OPTIONS], useFactory: openCheckedRedis },
    { provide: Buckets, inject: [OPTIONS, OPENED_REDIS], useFactory: toBuckets },
    { provide: SessionStore, inject: [OPTIONS, Buckets], useFactory: toStore },
    { provide: service, inject: [OPTIONS, SessionStore], useFactory: toService },
    {
      provide: authenticator,
      inject: [service, OPTIONS],
      useFactory: (sessions: SessionService<unknown>, { cookie }: ResolvedOptions) =>
        new SessionAuthenticator(sessions, cookie, name),
    },
    {
      provide: getSessionCookieToken(name),
      inject: [service, authenticator, OPTIONS],
      useFactory: toCookie,
    },
    { provide: Ledger, inject: [OPTIONS, Buckets, OPENED_REDIS], useFactory: startLedger },
    { provide: audit, inject: [Ledger], useFactory: (ledger: Ledger) => ledger.audit },
    {
      provide: getSessionHealthToken(name),
      inject: [audit, OPTIONS],
      useFactory: (ledger: SessionAudit, { database }: ResolvedOptions) =>
        new SessionHealth(ledger, database !== undefined),
    },
    {
      provide: Instruments,
      inject: [OPTIONS, service, authenticator, audit],
      useFactory: startInstruments,
    },
    {
      provide: Lifecycle,
      inject: [Ledger, OPENED_REDIS],
      useFactory: (ledger: Ledger, redis: OpenedRedis) => new Lifecycle(ledger, redis),
    },
  ];
}

/** Fails if this Redis can't be trusted with sessions: then the application doesn't start. */
async function openCheckedRedis(options: ResolvedOptions): Promise<OpenedRedis> {
  const opened = openRedis(options.redis, options.redisTimeout);
  try {
    await checkRedis(toBuckets(options, opened));
    return opened;
  } catch (error) {
    await opened.close();
    throw error;
  }
}

function toBuckets(
  { prefix, buckets, redisTimeout }: ResolvedOptions,
  { client }: OpenedRedis,
): Buckets {
  return new Buckets({ client, prefix, count: buckets, timeout: redisTimeout });
}

function toStore(options: ResolvedOptions, buckets: Buckets): SessionStore {
  const { maxLifetime, idleTimeout, maxSessionsPerUser, overflow, audit } = options;
  const { backlogLimit } = audit;
  return new SessionStore(buckets, {
    maxLifetime,
    idleTimeout,
    maxSessionsPerUser,
    overflow,
    backlogLimit,
  });
}

function toService(options: ResolvedOptions, store: SessionStore): SessionService<unknown> {
  const { lifetime, idleTimeout, users, userId } = options;
  return new SessionService<unknown>(store, {
    lifetime,
    idleTimeout,
    users,
    checkUserId: (id) => checkUserIdType(id, userId.type),
  });
}

function toCookie(
  sessions: SessionService<unknown>,
  authenticator: SessionAuthenticator,
  { cookie }: ResolvedOptions,
): SessionCookie {
  return new SessionCookie(sessions, authenticator, cookie);
}

async function startLedger(
  options: ResolvedOptions,
  buckets: Buckets,
  redis: OpenedRedis,
): Promise<Ledger> {
  const { worker, schema, migrate } = options.audit;
  const layout = { schema, userId: options.userId };
  const ledger = new Ledger({
    buckets,
    database: new LedgerDatabase(options.database, layout, migrate),
    settings: { ...ledgerSettings(layout), worker },
  });
  try {
    await ledger.start();
    return ledger;
  } catch (error) {
    // Nest doesn't shut down an application that failed to start.
    await ledger.stop();
    await redis.close();
    throw error;
  }
}

async function startInstruments(
  { name, database, metrics: metricsOptions, tracing }: ResolvedOptions,
  service: SessionService<unknown>,
  authenticator: SessionAuthenticator,
  ledger: SessionAudit,
): Promise<Instruments> {
  const tracer = tracing ? await startTracing(name) : null;
  if (tracer) wrapOperations(service, tracer);
  if (!metricsOptions) return new Instruments(null);
  const metrics = await startMetrics(metricsOptions, {
    module: name,
    ledger,
    hasDatabase: database !== undefined,
    openSockets: () => authenticator.sockets.size,
  });
  wrapOperations(service, metrics);
  authenticator.log.listener = (code) => metrics.rejected(code);
  return new Instruments(metrics);
}

/** The module's metrics, if any, until the application ends. */
class Instruments implements OnApplicationShutdown {
  constructor(private readonly metrics: SessionMetrics | null) {}

  onApplicationShutdown(): void {
    this.metrics?.stop();
  }
}

/**
 * Closes what the module opened. Nest calls it after the HTTP server has answered its last
 * request, so no event can follow the ledger's last flush.
 */
class Lifecycle implements OnApplicationShutdown {
  constructor(
    private readonly ledger: Ledger,
    private readonly redis: OpenedRedis,
  ) {}

  async onApplicationShutdown(): Promise<void> {
    await this.ledger.stop();
    await this.redis.close();
  }
}
