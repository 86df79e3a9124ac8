import { defineCommand, wholeNumberOption } from '../command-line.js';
import { count, table } from '../output.js';

const DEFAULT_LIMIT = 100;

export const deadLetters = defineCommand<{ limit: number; after: string }>({
  name: 'dead-letters',
  description: 'list the events that Postgres rejected',
  requires: ['postgres'],
  options: {
    limit: wholeNumberOption(1, 10_000, `list at most this many (default: ${DEFAULT_LIMIT})`),
    after: {
      value: '<id>',
      description: 'list those after this one',
      parse: (text) => (/^\d{1,18}$/.test(text) ? text : undefined),
      remedy: 'use the id of a dead letter',
    },
  },
  async run(ledger, output, { limit = DEFAULT_LIMIT, after }) {
    const total = await ledger.countDeadLetters();
    const letters = await ledger.audit.deadLetters({ limit, after });
    const next = letters.length === limit ? letters.at(-1)!.id : null;
    const document = {
      total,
      deadLetters: letters.map(({ raw, ...letter }) => ({
        ...letter,
        raw: raw.toString('base64'),
      })),
      next,
    };
    output.result(document, () => {
      if (total === 0) return ['There are no dead letters.'];
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
        ...(next ? [`For more, add --after ${next}`] : []),
        `${count(total, 'dead letter')} in total. Fix the cause, then run session-ledger redrive.`,
      ];
    });
    return total === 0;
  },
});

export const redrive = defineCommand({
  name: 'redrive',
  description: 'record the dead letters whose cause is fixed',
  requires: ['postgres'],
  options: {},
  async run(ledger, output) {
    const report = await output.withCountdown(
      'Redriving dead letters',
      () => ledger.countDeadLetters(),
      () => ledger.audit.redrive(),
    );
    const { recorded, refused } = report;
    output.result(report, () => [
      `Recorded ${count(recorded, 'dead letter')}, ${refused.length.toLocaleString('en')} rejected again.`,
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
  },
});
