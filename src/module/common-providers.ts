import type { OnApplicationShutdown, Provider } from '@nestjs/common';

import { checkUserIdType } from '../audit/postgres/user-id.js';
import type { SessionAudit } from '../audit/session-audit.js';
import {
  getSessionAuthenticatorToken,
  SessionAuthenticator,
} from '../http/session.authenticator.js';
import { SessionCookie } from '../http/session.cookie.js';
import { SessionHealth } from '../observability/health.js';
import { wrapOperations } from '../observability/instrument.js';
import { startMetrics, type SessionMetrics } from '../observability/metrics.js';
import { startTracing } from '../observability/tracing.js';
import { SessionService } from '../session/session.service.js';
import type { LiveSessions } from '../store/live-sessions.js';
import type { StoreRules } from '../store/scripts.js';
import type { ResolvedOptions } from './resolve-options.js';
import {
  getSessionAuditToken,
  getSessionCookieToken,
  getSessionHealthToken,
  getSessionServiceToken,
} from './tokens.js';

/**
 * Internal tokens. Nest keeps a set of providers for each module, so they need no name of the
 * module. They are registered by name, because a test overrides them.
 */
export const OPTIONS = Symbol.for('nest-session-ledger:options');
export const OPENED_REDIS = Symbol.for('nest-session-ledger:redis');
export const LIVE_SESSIONS = Symbol.for('nest-session-ledger:live-sessions');
export const LEDGER = Symbol.for('nest-session-ledger:ledger');

/** What stands behind the token `LEDGER`: a process's `Ledger`, or that of a test. */
export interface LedgerProvider {
  readonly audit: Pick<SessionAudit, keyof SessionAudit>;
  stop(): Promise<void>;
}

/**
 * The providers that don't depend on where sessions and events are kept. Their module provides
 * `OPTIONS`, `LIVE_SESSIONS` and `LEDGER`.
 */
export function commonProviders(name: string): Provider[] {
  const service = getSessionServiceToken(name);
  const authenticator = getSessionAuthenticatorToken(name);
  const audit = getSessionAuditToken(name);
  return [
    { provide: service, inject: [OPTIONS, LIVE_SESSIONS], useFactory: toService },
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
    { provide: audit, inject: [LEDGER], useFactory: (ledger: LedgerProvider) => ledger.audit },
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
  ];
}

/** What other modules can inject. */
export function exportsOf(name: string) {
  return [
    getSessionServiceToken(name),
    getSessionCookieToken(name),
    getSessionAuditToken(name),
    getSessionHealthToken(name),
  ];
}

/** The rules of a module's live sessions. */
export function rulesOf(options: ResolvedOptions): StoreRules {
  const { maxLifetime, idleTimeout, maxSessionsPerUser, overflow, audit } = options;
  const { backlogLimit } = audit;
  return { maxLifetime, idleTimeout, maxSessionsPerUser, overflow, backlogLimit };
}

function toService(options: ResolvedOptions, live: LiveSessions): SessionService<unknown> {
  const { lifetime, maxLifetime, idleTimeout, users, userId } = options;
  return new SessionService<unknown>(live, {
    lifetime,
    maxLifetime,
    idleTimeout,
    users,
    toUserId: (id) => checkUserIdType(id, userId.type),
  });
}

function toCookie(
  sessions: SessionService<unknown>,
  authenticator: SessionAuthenticator,
  { cookie }: ResolvedOptions,
): SessionCookie {
  return new SessionCookie(sessions, authenticator, cookie);
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
