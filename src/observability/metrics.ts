import type { Registry } from 'prom-client';

import { SessionError } from '../errors.js';
import { outcomeOf, type Instrument } from './instrument.js';
import { sourcesWithin, type MetricsSource } from './metrics-gauges.js';
import type { MetricsOptions } from './metrics-options.js';
import { optionalPackage } from './optional-package.js';

type PromClient = typeof import('prom-client');

/** The metrics of one module. Labels are few and never personal. */
export interface SessionMetrics extends Instrument {
  rejected(code: string): void;
  /** Forgets the module: its gauges are not asked after any more. */
  stop(): void;
}

/** @throws SessionError `ERR_SESSION_OPTIONS` where `prom-client` is not installed */
export async function startMetrics(
  options: MetricsOptions,
  source: MetricsSource,
): Promise<SessionMetrics> {
  const prom = await optionalPackage<PromClient>(() => import('prom-client'));
  if (!prom) {
    throw new SessionError(
      'ERR_SESSION_OPTIONS',
      'SessionModule: the option `metrics` needs the package prom-client. Run ' +
        '`npm install prom-client`, or leave the option out.',
    );
  }
  const registry = (options.registry ?? prom.register) as Registry;
  const { module } = source;
  const seconds = operationSeconds(prom, registry);
  const refusals = refusalsTotal(prom, registry);
  const sources = sourcesWithin(prom, registry);
  sources.add(source);
  return {
    async measure(operation, run) {
      const stop = seconds.startTimer({ module, operation });
      try {
        const result = await run();
        stop({ outcome: 'ok' });
        return result;
      } catch (error) {
        stop({ outcome: outcomeOf(error) });
        throw error;
      }
    },
    rejected: (code) => refusals.inc({ module, code }),
    stop: () => void sources.delete(source),
  };
}

function operationSeconds({ Histogram }: PromClient, registry: Registry) {
  const name = 'nest_session_operation_seconds';
  const labelNames = ['module', 'operation', 'outcome'] as const;
  type Metric = InstanceType<PromClient['Histogram']>;
  const found = registry.getSingleMetric(name) as Metric | undefined;
  const help = 'Time that operations of SessionService took, by outcome: ok, or the error code.';
  const buckets = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1];
  return found ?? new Histogram({ name, help, labelNames, buckets, registers: [registry] });
}

function refusalsTotal({ Counter }: PromClient, registry: Registry) {
  const name = 'nest_session_rejections_total';
  type Metric = InstanceType<PromClient['Counter']>;
  const found = registry.getSingleMetric(name) as Metric | undefined;
  const help = 'Requests, resolver calls, handshakes and messages refused by the guard, by code.';
  return (
    found ?? new Counter({ name, help, labelNames: ['module', 'code'], registers: [registry] })
  );
}
