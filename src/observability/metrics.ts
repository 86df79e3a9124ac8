import type { Registry } from 'prom-client';

import { SessionError } from '../errors.js';
import { nullIfMissing, outcomeOf, type Instrument } from './instrument.js';
import { readLedger, type LedgerSource, type LedgerState } from './ledger-state.js';

type PromClient = typeof import('prom-client');

/** A registry of `prom-client`, by its shape, because the package may not be installed. */
export interface MetricsRegistry {
  metrics(): Promise<string>;
  getSingleMetric(name: string): unknown;
  registerMetric(metric: never): void;
}

/** Prometheus metrics, through the optional package `prom-client`. */
export interface MetricsOptions {
  /**
   * Where to register the metrics.
   *
   * @default the default registry of prom-client
   */
  registry?: MetricsRegistry;
}

/** What the gauges of a module read. */
export interface MetricsSource {
  /** The module's name, which becomes the label `module`. */
  module: string;
  ledger: LedgerSource;
  hasDatabase: boolean;
  openSockets(): number;
}

/** The metrics of one module. They have few labels, and none of them is personal data. */
export interface SessionMetrics extends Instrument {
  /** Counts a rejection by the guard. */
  rejected(code: string): void;
  /** Removes the module from the gauges. */
  stop(): void;
}

/** @throws SessionError `ERR_SESSION_OPTIONS` if `prom-client` is not installed */
export async function startMetrics(
  options: MetricsOptions,
  source: MetricsSource,
): Promise<SessionMetrics> {
  const prom = await loadPromClient();
  if (!prom) throw missingPackage();
  const registry = (options.registry ?? prom.register) as Registry;
  const { module } = source;
  const seconds = operationSeconds(prom, registry);
  const rejections = rejectionsTotal(prom, registry);
  const sources = gaugeSources(prom, registry);
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
    rejected: (code) => rejections.inc({ module, code }),
    stop: () => void sources.delete(source),
  };
}

async function loadPromClient(): Promise<PromClient | null> {
  try {
    return await import('prom-client');
  } catch (error) {
    return nullIfMissing(error);
  }
}

function missingPackage(): SessionError {
  return new SessionError(
    'ERR_SESSION_OPTIONS',
    'SessionModule: the option `metrics` needs the package prom-client. Run ' +
      '`npm install prom-client`, or remove the option.',
  );
}

function operationSeconds({ Histogram }: PromClient, registry: Registry) {
  const name = 'nest_session_operation_seconds';
  const labelNames = ['module', 'operation', 'outcome'] as const;
  type Metric = InstanceType<PromClient['Histogram']>;
  const existing = registry.getSingleMetric(name) as Metric | undefined;
  const help = 'Duration of SessionService operations, by outcome: ok, or the error code.';
  const buckets = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1];
  return existing ?? new Histogram({ name, help, labelNames, buckets, registers: [registry] });
}

function rejectionsTotal({ Counter }: PromClient, registry: Registry) {
  const name = 'nest_session_rejections_total';
  type Metric = InstanceType<PromClient['Counter']>;
  const existing = registry.getSingleMetric(name) as Metric | undefined;
  const help =
    'Requests, resolver calls, handshakes and messages that the guard rejected, by code.';
  return (
    existing ?? new Counter({ name, help, labelNames: ['module', 'code'], registers: [registry] })
  );
}

type GaugeValue = number | undefined;

/** A gauge's value; undefined leaves it out, so that 'unknown' doesn't look like 'none'. */
type ReadGauge = (source: MetricsSource) => GaugeValue | Promise<GaugeValue>;

const POSTGRES_UP = { up: 1, down: 0, none: undefined };

const LEDGER_GAUGES: [name: string, help: string, read: (state: LedgerState) => GaugeValue][] = [
  ['backlog_events', 'Events that wait for Postgres.', ({ backlog }) => backlog],
  ['oldest_event_seconds', 'Age of the oldest of them.', ({ oldestAge }) => oldestAge / 1000],
  ['dead_letters', 'Events that could not be recorded.', ({ deadLetters }) => deadLetters],
  [
    'missing_partitions',
    'Partitions of this month and the next that are missing.',
    ({ missingPartitions }) => missingPartitions,
  ],
  [
    'recent_incidents',
    'Incidents within the last 24 hours.',
    ({ recentIncidents }) => recentIncidents,
  ],
  [
    'seconds_since_audit',
    'Time since Redis and Postgres were last compared completely.',
    ({ auditedAt }) => (auditedAt ? (Date.now() - auditedAt.getTime()) / 1000 : undefined),
  ],
  [
    'bound',
    'Whether Redis and the audit tables belong together; 0 if nothing is recorded.',
    ({ binding }) => (binding === undefined ? undefined : Number(binding === 'bound')),
  ],
  ['postgres_up', 'Whether Postgres answers.', ({ postgres }) => POSTGRES_UP[postgres]],
];

/** The modules whose state a registry's gauges read at each scrape. */
const sourcesOf = new WeakMap<Registry, Set<MetricsSource>>();

/** The sources of a registry's gauges. Creates the gauges on the first call. */
function gaugeSources(prom: PromClient, registry: Registry): Set<MetricsSource> {
  const existing = sourcesOf.get(registry);
  if (existing) return existing;
  const sources = new Set<MetricsSource>();
  sourcesOf.set(registry, sources);
  const create = (name: string, help: string, read: ReadGauge) => {
    const gauge = new prom.Gauge({
      name,
      help,
      labelNames: ['module'] as const,
      registers: [registry],
      async collect() {
        gauge.reset();
        for (const source of sources) {
          const value = await read(source);
          if (value !== undefined) gauge.set({ module: source.module }, value);
        }
      },
    });
  };
  create(
    'nest_session_open_sockets',
    'Open WebSockets with a session, in this process.',
    (source) => source.openSockets(),
  );
  for (const [name, help, read] of LEDGER_GAUGES) {
    create(`nest_session_ledger_${name}`, help, async (source) => {
      const state = await stateOf(source);
      return state === null ? undefined : read(state);
    });
  }
  return sources;
}

const readings = new WeakMap<MetricsSource, Promise<LedgerState | null>>();

/** The ledger's state, read once for all gauges of a scrape; null while Redis is unavailable. */
function stateOf(source: MetricsSource): Promise<LedgerState | null> {
  let reading = readings.get(source);
  if (!reading) {
    reading = readLedger(source.ledger, source.hasDatabase)
      .catch(() => null)
      .finally(() => readings.delete(source));
    readings.set(source, reading);
  }
  return reading;
}
