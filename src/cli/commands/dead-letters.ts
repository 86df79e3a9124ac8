import { table } from '../output.js';
import type { Work } from './command.js';

export interface DeadLettersOptions {
  limit: number;
  after?: string;
}

export const deadLetters: Work<DeadLettersOptions> = async (ledger, output, { limit, after }) => {
  const waiting = await ledger.countDeadLetters();
  const letters = await ledger.audit.deadLetters({ limit, after });
  const next = letters.length === limit ? letters.at(-1)!.id : null;
  const document = {
    waiting,
    deadLetters: letters.map(({ raw, ...letter }) => ({ ...letter, raw: raw.toString('base64') })),
    next,
  };
  output.result(document, () => {
    if (waiting === 0) return ['No dead letters: every event could be recorded.'];
    return [
      table(
        ['id', 'chain', 'since', 'SQLSTATE', 'reason'],
        letters.map((letter) => [
          letter.id,
          letter.chain,
          letter.createdAt.toISOString(),
          letter.sqlState ?? '',
          letter.reason,
        ]),
      ),
      ...(next ? [`More: --after ${next}`] : []),
      `${waiting.toLocaleString('en')} events could not be recorded. Remove the cause, then redrive them.`,
    ];
  });
  return waiting === 0;
};
