import type { Chart } from './chart.js';
import type { ServerUrls } from './contender.js';
import type { Row } from './row.js';

/** How much is measured: a full run, or a tiny one that shows that everything works. */
export interface Effort {
  quick: boolean;
  rounds: number;
  /** The length of a round (ms). */
  roundMs: number;
}

/** One question, answered by one or more rows of the table. See `scenarios/index.ts`. */
export interface Scenario {
  /** The names of its rows. */
  rows: readonly string[];
  /** Entries of postgresql.conf that the measurement needs. */
  postgres?: Record<string, string>;
  run(servers: ServerUrls, effort: Effort): Promise<Row[]>;
  /** How its rows are drawn. */
  chart(rows: Row[]): Chart;
}
