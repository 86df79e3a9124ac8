import type { OnApplicationShutdown, Provider } from '@nestjs/common';

import type { SessionAudit } from '../audit/session-audit.js';
import { getSessionAuditToken } from '../audit/session-audit.tokens.js';
import { getSessionAuthenticatorToken } from '../http/gate-token.js';
import type { SessionAuthenticator } from '../http/session.authenticator.js';
import { watch } from '../observability/instrument.js';
import { startMetrics, type SessionMetrics } from '../observability/metrics.js';
import { SessionHealth } from '../observability/session-health.js';
import { getSessionHealthToken } from '../observability/session-health.token.js';
import { startTracing } from '../observability/tracing.js';
import { SESSION_SETTINGS } from './providers.js';
import type { SessionSettings } from './resolve-options.js';
import type { SessionService } from '../session/session.service.js';
import { getSessionServiceToken } from './tokens.js';

/** What watches the others, and is itself watched by nobody. */
export function observabilityProviders(name: string): Provider[] {
  const [service, gate, audit] = [
    getSessionServiceToken(name),
    getSessionAuthenticatorToken(name),
    getSessionAuditToken(name),
  ];
  return [
    {
      provide: getSessionHealthToken(name),
      inject: [audit, SESSION_SETTINGS],
      useFactory: (ledger: SessionAudit, { database }: SessionSettings) =>
        new SessionHealth(ledger, database !== undefined),
    },
    {
      provide: Instruments,
      inject: [SESSION_SETTINGS, service, gate, audit],
      useFactory: startInstruments,
    },
  ];
}

/** The metrics that run, if any, until the application ends. */
class Instruments implements OnApplicationShutdown {
  constructor(private readonly metrics: SessionMetrics | null) {}

  onApplicationShutdown(): void {
    this.metrics?.stop();
  }
}

async function startInstruments(
  { name, database, metrics: options, tracing }: SessionSettings,
  service: SessionService<unknown>,
  gate: SessionAuthenticator,
  ledger: SessionAudit,
): Promise<Instruments> {
  const tracer = tracing ? await startTracing(name) : null;
  if (tracer) watch(service, tracer);
  if (!options) return new Instruments(null);
  const metrics = await startMetrics(options, {
    module: name,
    ledger,
    hasDatabase: database !== undefined,
    openSockets: () => gate.sockets.size,
  });
  watch(service, metrics);
  gate.log.listener = (code) => metrics.rejected(code);
  return new Instruments(metrics);
}
