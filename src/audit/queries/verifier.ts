import type { QueryRunner } from 'typeorm';

import { SessionError } from '../../errors.js';
import type { LedgerDatabase } from '../postgres/ledger-database.js';
import type { LedgerTables } from '../postgres/ledger-tables.js';
import { verifyChain } from '../sql/verify-chain.js';
import { verifyHeads } from '../sql/verify-heads.js';
import { verifyPage } from '../sql/verify-page.js';

/** Rows looked at by one statement: a second or less, so that progress can be shown. */
const PAGE = 100_000;
/** A ledger with more breaks than this is not worth the memory to hold them all. */
const MOST_BREAKS = 1_000;
/** The highest seq that a column can hold. */
const HIGHEST = 2n ** 63n - 1n;

/** Which part of the ledger to verify. Default: all of it. */
export interface VerifyRange {
  /** Only this chain (bucket). */
  chain?: number;
  /** Only from this seq on, up to `toSeq`. */
  fromSeq?: bigint;
  toSeq?: bigint;
  /**
   * Told after each step, with the rows verified so far and all there are to verify. That total
   * is reckoned beforehand; at the end both are the same.
   */
  onProgress?: (done: bigint, total: bigint) => void;
}

/** A place where the ledger was tampered with. */
export interface LedgerBreak {
  chain: number;
  seq: string;
  /**
   * `hash`: the row, or the one before it, was changed. `gap`: rows before it are missing, or it
   * was put in. `head`: the chain isn't as `session_chains` says: rows at its end are missing or
   * were added, or `session_chains` was changed.
   * `foreign`: no bucket has this chain's number.
   */
  problem: 'hash' | 'gap' | 'head' | 'foreign';
}

/** What a verification found. */
export interface VerifyReport {
  /** True where nothing was found. */
  valid: boolean;
  /** Rows verified. */
  rows: string;
  /** By chain, and by seq within it: at most 1,000, where the verification stops. */
  breaks: LedgerBreak[];
}

/** A chain as `verifyHeads` finds it; pg gives a bigint as text. */
interface Head {
  chain: number;
  first: string;
  last: string;
  headSeq: string;
  retiredSeq: string;
  retiredHash: Buffer;
  /** Null where `session_chains` has no row. */
  longestSession: string | null;
  problem: 'head' | 'foreign' | null;
}

/** Verifies the chains, by statements that Postgres evaluates alone. */
export class Verifier {
  private readonly sql;

  constructor(
    private readonly database: LedgerDatabase,
    tables: LedgerTables,
  ) {
    this.sql = {
      heads: verifyHeads(tables),
      page: verifyPage(tables),
      chain: verifyChain(tables),
    };
  }

  async verify(range: VerifyRange = {}): Promise<VerifyReport> {
    checkRange(range);
    // One snapshot for all statements: a drain in between would look like a break.
    return this.database.transaction(
      (runner) => this.verifySnapshot(runner, range),
      'REPEATABLE READ',
    );
  }

  private async verifySnapshot(runner: QueryRunner, range: VerifyRange): Promise<VerifyReport> {
    const every: Head[] = await runner.query(this.sql.heads);
    const heads = every.filter(({ chain }) => range.chain === undefined || range.chain === chain);
    const total = heads.reduce((sum, head) => sum + estimateRows(range, head), 0n);
    const breaks: LedgerBreak[] = [];
    let done = 0n;
    for (const head of heads) {
      const { chain, last, problem } = head;
      for await (const page of this.pages(runner, range, head, () => MOST_BREAKS - breaks.length)) {
        breaks.push(...page.breaks);
        done += page.rows;
        range.onProgress?.(done, done > total ? done : total);
      }
      if (breaks.length >= MOST_BREAKS) break;
      if (problem && reachesEnd(range, last)) breaks.push({ chain, seq: last, problem });
    }
    range.onProgress?.(done, done);
    return { valid: breaks.length === 0, rows: String(done), breaks };
  }

  /** What is broken in a chain, page by page. */
  private async *pages(
    runner: QueryRunner,
    range: VerifyRange,
    { chain, retiredSeq, retiredHash, longestSession }: Head,
    mostBreaks: () => number,
  ): AsyncGenerator<{ rows: bigint; breaks: LedgerBreak[] }> {
    const end = String(range.toSeq ?? HIGHEST);
    let before = range.fromSeq === undefined ? null : String(range.fromSeq - 1n);
    while (mostBreaks() > 0) {
      const [page] = await runner.query(this.sql.page, [chain, before, end, PAGE]);
      if (page.last === null) return;
      const broken: Omit<LedgerBreak, 'chain'>[] = await runner.query(this.sql.chain, [
        chain,
        before,
        page.last,
        retiredSeq,
        retiredHash,
        longestSession,
        mostBreaks(),
      ]);
      yield { rows: BigInt(page.rows), breaks: broken.map((row) => ({ chain, ...row })) };
      before = page.last;
    }
  }
}

/** Whether the chain's end is part of what was asked. */
function reachesEnd({ toSeq }: VerifyRange, last: string): boolean {
  return toSeq === undefined || toSeq > BigInt(last);
}

/** Rows of the chain within the range, if nothing is amiss. */
function estimateRows({ fromSeq = 1n, toSeq }: VerifyRange, { first, headSeq }: Head): bigint {
  const from = fromSeq > BigInt(first) ? fromSeq : BigInt(first);
  const to = toSeq !== undefined && toSeq < BigInt(headSeq) ? toSeq : BigInt(headSeq);
  return from > 0n && to >= from ? to - from + 1n : 0n;
}

function checkRange({ chain, fromSeq = 1n, toSeq = HIGHEST }: VerifyRange): void {
  if (chain !== undefined && !Number.isInteger(chain)) {
    throw invalidInput(`chain is ${chain}; use a whole number`);
  }
  if (fromSeq < 1n || toSeq > HIGHEST || fromSeq > toSeq) {
    throw invalidInput(
      `it goes from seq ${fromSeq} to ${toSeq}; use 1 or more, the lower one first`,
    );
  }
}

function invalidInput(why: string): SessionError {
  return new SessionError('ERR_SESSION_INPUT', `The range can't be verified: ${why}.`);
}
