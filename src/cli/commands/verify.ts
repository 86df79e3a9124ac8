import type { LedgerBreak } from '../../audit/queries/verifier.js';
import { defineCommand, wholeNumberOption, type CommandOption } from '../command-line.js';
import { count, table } from '../output.js';

/** The most breaks listed as text; with `--json` all are. */
const MAX_LISTED = 50;

const MEANINGS: Record<LedgerBreak['problem'], string> = {
  hash: 'this row or the one before it was changed',
  gap: 'rows before this one are missing, or this one was inserted',
  head: "the chain's end doesn't match session_chains: one of them was changed",
  foreign: 'no bucket has this chain number',
};

export const verify = defineCommand<{ chain: number; from: bigint; to: bigint }>({
  name: 'verify',
  description: 'check that no ledger row was changed, removed or inserted',
  requires: ['postgres'],
  options: {
    chain: wholeNumberOption(-32_768, 32_767, 'check this chain only'),
    from: seqOption('start at this seq'),
    to: seqOption('stop at this seq'),
  },
  async run({ audit }, output, { chain, from, to }) {
    const report = await output.withProgress('Verifying rows', (show) =>
      audit.verify({
        chain,
        fromSeq: from,
        toSeq: to,
        onProgress: (done, total) => show(Number(done), Number(total)),
      }),
    );
    const { valid, rows, breaks } = report;
    output.result(report, () =>
      valid
        ? [`Verified ${count(rows, 'row')}: none was changed, removed or inserted.`]
        : [`Verified ${count(rows, 'row')}. The ledger is broken:`, ...describeBreaks(breaks)],
    );
    return valid;
  },
});

function describeBreaks(breaks: LedgerBreak[]): string[] {
  const listed = breaks.slice(0, MAX_LISTED);
  const rest = breaks.length - listed.length;
  return [
    table(
      ['chain', 'seq', 'problem', 'meaning'],
      listed.map(({ chain, seq, problem }) => [chain, seq, problem, MEANINGS[problem]]),
    ),
    ...(rest > 0 ? [`… and ${rest} more. --json lists up to 1,000.`] : []),
    'Keep the database as it is, and compare it with a backup and with saved chain heads: see ' +
      'docs/sql.md.',
  ];
}

function seqOption(description: string): CommandOption<bigint> {
  return {
    value: '<seq>',
    description,
    parse: (text) =>
      /^[1-9]\d{0,18}$/.test(text) && BigInt(text) < 2n ** 63n ? BigInt(text) : undefined,
    remedy: 'use a whole number of at least 1',
  };
}
