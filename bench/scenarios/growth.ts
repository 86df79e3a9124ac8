import { startRedis } from '../../dev/index.js';
import type { Methods } from '../harness/contender.js';
import { hire, type Hired } from '../harness/hire.js';
import { relativeRow } from '../harness/in-turn.js';
import { say } from '../harness/progress.js';
import type { Row } from '../harness/row.js';
import type { Effort, Scenario } from '../harness/scenario.js';

export const OPERATIONS = [
  'validate',
  'create and destroy',
  'rotate',
  'update data',
  'list of a user',
] as const;
export type Operation = (typeof OPERATIONS)[number];

/** An application with so many live sessions, that does any operation. */
export interface Grown extends Methods {
  fill(sessions: number): Promise<void>;
  /** Operations a second. */
  round(operation: Operation, ms: number): Promise<number>;
}

const FEW = 1_000;
const MANY = 1_000_000;
const BAR = 0.85;

/** Whether any operation grows slower with the number of live sessions. */
export const growth: Scenario = {
  rows: ['growth'],
  async run(place, effort) {
    const other = await startRedis();
    try {
      const many = await hire<Grown>('growth-ours', place);
      const few = await hire<Grown>('growth-ours', { ...place, redisUrl: other.url });
      try {
        await few.call('fill', FEW);
        const count = effort.quick ? 3_000 : MANY;
        say(`growth: making ${count} live sessions`);
        await many.call('fill', count);
        return [worst(await raceOperations(many, few, effort), count)];
      } finally {
        await Promise.all([many.dismiss(), few.dismiss()]);
      }
    } finally {
      await other.stop();
    }
  },
  chart: (rows) => ({
    name: 'growth',
    title: 'Speed with 1,000,000 live sessions',
    unit: 'times that with 1,000',
    bars: OPERATIONS.map((label) => ({
      label,
      value: Number(rows[0]!.details![label]),
      ours: true,
    })),
  }),
};

async function raceOperations(
  many: Hired<Grown>,
  few: Hired<Grown>,
  { rounds, roundMs }: Effort,
): Promise<Row[]> {
  const rows: Row[] = [];
  for (const operation of OPERATIONS) {
    const [ours, peer]: [number[], number[]] = [[], []];
    for (let round = 0; round <= rounds; round += 1) {
      say(`growth: ${operation}, round ${round} of ${rounds}`);
      const figures = [
        await many.call('round', operation, roundMs / 2),
        await few.call('round', operation, roundMs / 2),
      ];
      if (round === 0) continue; // warm-up
      ours.push(figures[0]!);
      peer.push(figures[1]!);
    }
    const names = { ours: `${operation}, many`, peer: `${operation}, 1,000` };
    rows.push(
      relativeRow(
        operation,
        BAR,
        'calls/s',
        { label: names.ours, figures: ours },
        { label: names.peer, figures: peer },
      ),
    );
  }
  return rows;
}

/** One row: the operation that suffers most. All of them are in its details. */
function worst(rows: Row[], count: number): Row {
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
