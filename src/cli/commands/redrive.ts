import { table } from '../output.js';
import type { Work } from './command.js';

export const redrive: Work<object> = async (ledger, output) => {
  const report = await output.withCountdown(
    'Redriving',
    () => ledger.countDeadLetters(),
    () => ledger.audit.redrive(),
  );
  const { recorded, refused } = report;
  output.result(report, () => [
    `${recorded.toLocaleString('en')} dead letters recorded, ${refused.length.toLocaleString('en')} refused again.`,
    ...(refused.length > 0
      ? [
          table(
            ['id', 'reason'],
            refused.map(({ id, reason }) => [id, reason]),
          ),
        ]
      : []),
  ]);
  return refused.length === 0;
};
