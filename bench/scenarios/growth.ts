import type { Child } from '../../dev/child-process.js';
import { startRedis } from '../../dev/index.js';
import { relativeRow, type Row } from '../harness/row.js';
import type { Effort, Scenario } from '../harness/scenario.js';
import { spawn } from '../harness/spawn.js';
import { showProgress } from '../harness/terminal.js';

export const OPERATIONS = [
  'validate',
  'create and destroy',
  'rotate',
  'update data',
  'list of a user',
] as const;
export type Operation = (typeof OPERATIONS)[number];

/** An application with any number of live sessions. */
export interface FilledApplication {
  fill(sessions: number): Promise<void>;
  /** Repeats the operation for the given time (ms). Returns operations per second. */
  round(operation: Operation, ms: number): Promise<number>;
}

const FEW = 1_000;
const MANY = 1_000_000;
const THRESHOLD = 0.85;

/** Whether any operation becomes slower as the number of live sessions grows. */
export const growth: Scenario = {
  rows: ['growth'],
  async run(servers, effort) {
    const other = await startRedis();
    try {
      const many = await spawn<FilledApplication>('growth-ours', servers);
      const few = await spawn<FilledApplication>('growth-ours', {
        ...servers,
        redisUrl: other.url,
      });
      try {
        await few.call('fill', FEW);
        const count = effort.quick ? 3_000 : MANY;
        showProgress(`growth: creating ${count} live sessions`);
        await many.call('fill', count);
        return [slowestOf(await measureOperations(many, few, effort), count)];
      } finally {
        await Promise.all([many.stop(), few.stop()]);
      }
    } finally {
      await other.stop();
    }
  },
  chart: (rows) => ({
    name: 'growth',
    title: 'Speed with 1,000,000 live sessions',
    unit: 'relative to the speed with 1,000',
    bars: OPERATIONS.map((label) => ({
      label,
      value: Number(rows[0]!.details![label]),
      ours: true,
    })),
  }),
};

async function measureOperations(
  many: Child<FilledApplication>,
  few: Child<FilledApplication>,
  { rounds, roundMs }: Effort,
): Promise<Row[]> {
  const rows: Row[] = [];
  for (const operation of OPERATIONS) {
    const ours = { label: `${operation}, many`, figures: [] as number[] };
    const peer = { label: `${operation}, 1,000`, figures: [] as number[] };
    for (let round = 0; round <= rounds; round += 1) {
      showProgress(`growth: ${operation}, round ${round} of ${rounds}`);
      const withMany = await many.call('round', operation, roundMs / 2);
      const withFew = await few.call('round', operation, roundMs / 2);
      if (round === 0) continue; // warm-up
      ours.figures.push(withMany);
      peer.figures.push(withFew);
    }
    rows.push(relativeRow(operation, THRESHOLD, 'calls/s', ours, peer));
  }
  return rows;
}

/** One row: the operation that slows down most. Its details contain the ratios of all operations. */
function slowestOf(rows: Row[], count: number): Row {
  const row = rows.toSorted((a, b) => a.ratio - b.ratio)[0]!;
  const ratios = rows.map((each) => [each.name, each.ratio] as const);
  return {
    ...row,
    name: 'growth',
    labels: {
      ours: `${row.name}, ${count.toLocaleString('en-US')} live sessions`,
      peer: `${row.name}, 1,000 live sessions`,
    },
    details: { 'slowest operation': row.name, ...Object.fromEntries(ratios) },
  };
}
