import type { QueryRunner } from 'typeorm';

import type { LedgerDatabase } from './ledger-database.js';
import type { LedgerTables } from './ledger-tables.js';
import { verifyChain } from './sql/verify-chain.js';
import { verifyHeads } from './sql/verify-heads.js';

/** Rows looked at by one statement: a second or less, so that progress can be shown. */
const PAGE = 100_000n;
/** Before and after every seq there can be. */
const [LOWEST, HIGHEST] = [-(2n ** 62n), 2n ** 62n];

/** Which part of the ledger to verify. Default: all of it. */
export interface VerifyRange {
  /** Only this chain (bucket). */
  chain?: number;
  /** Only from this seq on, up to `toSeq`. */
  fromSeq?: bigint;
  toSeq?: bigint;
  /** Told after each step, with the rows verified so far and all there are to verify. */
  onProgress?: (done: bigint, total: bigint) => void;
}

/** A place where the ledger was tampered with. */
export interface LedgerBreak {
  chain: number;
  seq: string;
  /**
   * `hash`: the row, or the one before it, was changed. `gap`: rows before it are missing, or it
   * was put in. `head`: the chain doesn't end where `session_chains` says.
   */
  problem: 'hash' | 'gap' | 'head';
}

/** What a verification found. */
export interface VerifyReport {
  /** True where nothing was found. */
  whole: boolean;
  /** Rows verified. */
  rows: string;
  breaks: LedgerBreak[];
}

/** Verifies the chains, by statements that Postgres evaluates alone. */
export class Verifier {
  constructor(
    private readonly database: LedgerDatabase,
    private readonly tables: LedgerTables,
  ) {}

  async verify(range: VerifyRange = {}): Promise<VerifyReport> {
    // One snapshot for all statements: a drain in between would look like a break.
    return this.database.transaction(
      (runner) => this.verifySnapshot(runner, range),
      'REPEATABLE READ',
    );
  }

  private async verifySnapshot(runner: QueryRunner, range: VerifyRange): Promise<VerifyReport> {
    const heads: { chain: number; seq: string; broken: boolean }[] = await runner.query(
      verifyHeads(this.tables),
    );
    const chains = heads.filter(({ chain }) => range.chain === undefined || range.chain === chain);
    const total = chains.reduce((sum, { seq }) => sum + rowsOf(range, BigInt(seq)), 0n);
    const breaks: LedgerBreak[] = [];
    let done = 0n;
    for (const { chain, seq, broken } of chains) {
      if (broken && range.toSeq === undefined) breaks.push({ chain, seq, problem: 'head' });
      for (const [from, to] of pages(range, BigInt(seq))) {
        const rows: { seq: string; problem: 'hash' | 'gap' }[] = await runner.query(
          verifyChain(this.tables),
          [chain, String(from), String(to)],
        );
        breaks.push(...rows.map((row) => ({ chain, ...row })));
        range.onProgress?.(done + (to < BigInt(seq) ? to : BigInt(seq)), total);
      }
      done += rowsOf(range, BigInt(seq));
    }
    return { whole: breaks.length === 0, rows: String(total), breaks };
  }
}

/** The range in steps. The first and last reach beyond every seq, where forged rows may be. */
function pages(range: VerifyRange, last: bigint): [from: bigint, to: bigint][] {
  const [first, end] = [range.fromSeq ?? LOWEST, range.toSeq ?? HIGHEST];
  const steps: [bigint, bigint][] = [];
  let from = first;
  let to = (range.fromSeq ?? 1n) + PAGE - 1n;
  while (to < end && to < last) {
    steps.push([from, to]);
    [from, to] = [to + 1n, to + PAGE];
  }
  steps.push([from, end]);
  return steps;
}

function rowsOf(range: VerifyRange, last: bigint): bigint {
  const from = range.fromSeq ?? 1n;
  const to = range.toSeq !== undefined && range.toSeq < last ? range.toSeq : last;
  return to >= from ? to - from + 1n : 0n;
}
