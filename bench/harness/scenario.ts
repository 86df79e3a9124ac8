import type { Chart } from './chart.js';
import type { Place } from './contender.js';
import type { Row } from './row.js';

/** How much is measured: a full run, or a tiny one that shows that everything works. */
export interface Effort {
  quick: boolean;
  rounds: number;
  /** A round's length, ms. */
  roundMs: number;
}

/** One question, answered by one or more rows of the table. */
export interface Scenario {
  rows: readonly string[];
  /** Entries of postgresql.conf that the measurement needs. */
  postgres?: Record<string, string>;
  run(place: Place, effort: Effort): Promise<Row[]>;
  /** How its rows are drawn. */
  chart(rows: Row[]): Chart;
}
