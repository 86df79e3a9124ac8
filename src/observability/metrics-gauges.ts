import type { Registry } from 'prom-client';

import { readLedger, type LedgerSource, type LedgerState } from './ledger-watch.js';

type PromClient = typeof import('prom-client');

/** What a module lets be measured. */
export interface MetricsSource {
  /** The module's name, which is the label `module`. */
  module: string;
  ledger: LedgerSource;
  hasDatabase: boolean;
  openSockets(): number;
}

type Read = (state: LedgerState) => number | undefined;

/** Undefined values are left out: 'unknown' must not look like 'none'. */
const LEDGER_GAUGES: [name: string, help: string, read: Read][] = [
  ['backlog_events', 'Events that wait for Postgres.', ({ backlog }) => backlog],
  ['oldest_event_seconds', 'Age of the oldest of them.', ({ oldestAge }) => oldestAge / 1000],
  ['dead_letters', 'Events that Postgres refused.', ({ deadLetters }) => deadLetters],
  [
    'default_partition_rows',
    'Rows whose months lack a partition.',
    ({ defaultPartitionRows }) => defaultPartitionRows,
  ],
  ['postgres_up', 'Whether Postgres answers.', ({ postgres }) => UP[postgres]],
];
const UP = { up: 1, down: 0, none: undefined };

/** The modules that a registry's gauges ask, each time they are scraped. */
const sourcesOf = new WeakMap<Registry, Set<MetricsSource>>();

/** The sources of a registry's gauges, which are made with the first of them. */
export function sourcesWithin(prom: PromClient, registry: Registry): Set<MetricsSource> {
  const found = sourcesOf.get(registry);
  if (found) return found;
  const sources = new Set<MetricsSource>();
  sourcesOf.set(registry, sources);
  const make = (name: string, help: string, read: (source: MetricsSource) => ReadValue) => {
    const labelNames = ['module'] as const;
    const gauge = new prom.Gauge({
      name,
      help,
      labelNames,
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
  make('nest_session_open_sockets', 'WebSockets open with a session, in this process.', (source) =>
    source.openSockets(),
  );
  for (const [name, help, read] of LEDGER_GAUGES) {
    make(`nest_session_ledger_${name}`, help, async (source) => {
      const state = await stateOf(source);
      return state === null ? undefined : read(state);
    });
  }
  return sources;
}

type ReadValue = number | undefined | Promise<number | undefined>;

const readings = new WeakMap<MetricsSource, Promise<LedgerState | null>>();

/** The ledger's state, read once for all gauges of a scrape; null while Redis is away. */
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
