import type { LedgerBreak } from '../../audit/queries/verifier.js';
import { table } from '../output.js';
import type { Work } from './command.js';

export interface VerifyOptions {
  chain?: number;
  from?: bigint;
  to?: bigint;
}

/** Breaks that are shown to people; programs get all. */
const SHOWN = 50;

const MEANINGS: Record<LedgerBreak['problem'], string> = {
  hash: 'this row, or the one before it, was changed',
  gap: 'rows before this one are missing, or it was put in',
  head: 'the chain is not as session_chains says: its end was cut or added to, or that was changed',
  foreign: 'no bucket has this chain',
};

export const verify: Work<VerifyOptions> = async ({ audit }, output, { chain, from, to }) => {
  const report = await output.withProgress('Verifying', (tell) =>
    audit.verify({
      chain,
      fromSeq: from,
      toSeq: to,
      onProgress: (done, total) => tell(Number(done), Number(total)),
    }),
  );
  const { valid, rows, breaks } = report;
  output.result(report, () => {
    const verified = `${Number(rows).toLocaleString('en')} rows verified`;
    if (valid) return [`${verified}: nothing was changed, removed or put in.`];
    const shown = breaks.slice(0, SHOWN);
    const more = breaks.length - shown.length;
    return [
      `${verified}. The ledger is broken:`,
      table(
        ['chain', 'seq', 'problem', 'meaning'],
        shown.map((each) => [each.chain, each.seq, each.problem, MEANINGS[each.problem]]),
      ),
      ...(more > 0 ? [`… and ${more} more: --json names up to 1,000.`] : []),
      'Keep the database as it is, and compare with a backup and with kept heads: see docs/sql.md.',
    ];
  });
  return valid;
};
