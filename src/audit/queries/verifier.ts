import type { QueryRunner } from 'typeorm';

import type { LedgerDatabase } from '../postgres/connection.js';
import type { LedgerTables } from '../postgres/schema.js';
import { checkRange, MAX_SEQ, unknownChain, type VerifyRange } from './input.js';

/** Rows verified by one statement: it takes about a second, so progress can be shown. */
const PAGE = 100_000;
/** Breaks after which the verification stops, to bound its memory. */
const MAX_BREAKS = 1_000;

/** A place at which the ledger was tampered with. */
export interface LedgerBreak {
  /** `incidents` for a row of `session_incidents`. */
  chain: number | 'incidents';
  seq: string;
  /**
   * - `hash`: this row or the one before it was changed
   * - `gap`: rows before this one are missing, or this row was inserted
   * - `head`: the chain and `session_chains` disagree: rows at the end of the chain are missing or
   *   were added, or `session_chains` was changed
   * - `foreign`: no bucket has this chain number
   */
  problem: 'hash' | 'gap' | 'head' | 'foreign';
}

/** What a verification found. */
export interface VerifyReport {
  /** True if there are no breaks. */
  valid: boolean;
  /** Rows verified. */
  rows: string;
  /** Ordered by chain and seq. The verification stops at 1,000 breaks. */
  breaks: LedgerBreak[];
}

/** A chain, as `verifyHeads` returns it; pg returns a bigint as text. */
interface Head {
  chain: number;
  first: string;
  last: string;
  headSeq: string;
  retiredSeq: string;
  retiredHash: Buffer;
  /** Null if `session_chains` has no row for the chain. */
  longestSession: string | null;
  problem: 'head' | 'foreign' | null;
}

/** Verifies the chains. The statements run entirely in Postgres; no row is read into Node. */
export class Verifier {
  private readonly sql;

  constructor(
    private readonly database: LedgerDatabase,
    tables: LedgerTables,
  ) {
    this.sql = {
      heads: verifyHeads(tables),
      incidents: verifyIncidents(tables),
      page: verifyPage(tables),
      chain: verifyChain(tables),
    };
  }

  /** @throws SessionError `ERR_SESSION_INPUT` if the range is invalid, or there is no such chain */
  async verify(given?: VerifyRange): Promise<VerifyReport> {
    const range = checkRange(given);
    // One snapshot for all statements: a drain between two of them would look like a break.
    return this.database.transaction(
      (runner) => this.verifySnapshot(runner, range),
      'REPEATABLE READ',
    );
  }

  private async verifySnapshot(runner: QueryRunner, range: VerifyRange): Promise<VerifyReport> {
    const all: Head[] = await runner.query(this.sql.heads);
    const heads = all.filter(({ chain }) => range.chain === undefined || range.chain === chain);
    if (heads.length === 0) throw unknownChain(range.chain!);
    const total = heads.reduce((sum, head) => sum + estimateRows(range, head), 0n);
    const breaks: LedgerBreak[] = [];
    let done = 0n;
    for (const head of heads) {
      const { chain, last, problem } = head;
      for await (const page of this.pages(runner, range, head, () => MAX_BREAKS - breaks.length)) {
        breaks.push(...page.breaks);
        done += page.rows;
        range.onProgress?.(done, done > total ? done : total);
      }
      if (breaks.length >= MAX_BREAKS) break;
      if (problem && includesEnd(range, last)) breaks.push({ chain, seq: last, problem });
    }
    range.onProgress?.(done, done);
    if (isWhole(range)) {
      const incidents: Omit<LedgerBreak, 'chain'>[] = await runner.query(this.sql.incidents);
      breaks.push(...incidents.map((row) => ({ chain: 'incidents' as const, ...row })));
    }
    return { valid: breaks.length === 0, rows: String(done), breaks };
  }

  /** Verifies a chain page by page. */
  private async *pages(
    runner: QueryRunner,
    range: VerifyRange,
    { chain, retiredSeq, retiredHash, longestSession }: Head,
    maxBreaks: () => number,
  ): AsyncGenerator<{ rows: bigint; breaks: LedgerBreak[] }> {
    const end = String(range.toSeq ?? MAX_SEQ);
    let before = range.fromSeq === undefined ? null : String(range.fromSeq - 1n);
    while (maxBreaks() > 0) {
      const [page] = await runner.query(this.sql.page, [chain, before, end, PAGE]);
      if (page.last === null) return;
      const broken: Omit<LedgerBreak, 'chain'>[] = await runner.query(this.sql.chain, [
        chain,
        before,
        page.last,
        retiredSeq,
        retiredHash,
        longestSession,
        maxBreaks(),
      ]);
      yield { rows: BigInt(page.rows), breaks: broken.map((row) => ({ chain, ...row })) };
      before = page.last;
    }
  }
}

/**
 * Every chain with its first and last seq, and a problem of the chain as a whole: `head` if its end
 * differs from `session_chains`, because rows were removed there or added past the drain; `foreign`
 * if no bucket has its number.
 */
const verifyHeads = (t: LedgerTables): string => `
SELECT chain, coalesce(first.seq, 0) AS first, coalesce(last.seq, head.last_seq, 0) AS last,
       coalesce(head.last_seq, 0) AS "headSeq",
       coalesce(head.retired_seq, 0) AS "retiredSeq",
       coalesce(head.retired_hash, sha256('')) AS "retiredHash",
       head.longest_session AS "longestSession",
       CASE
         WHEN chain IS NULL OR chain NOT BETWEEN 0 AND 255 THEN 'foreign'
         WHEN head.chain IS NULL
           OR head.last_seq IS DISTINCT FROM coalesce(last.seq, head.retired_seq)
           OR head.last_hash IS DISTINCT FROM coalesce(last.hash, head.retired_hash)
           -- The drain sets updated_at to the last row's recorded_at.
           OR last.seq IS NOT NULL AND head.updated_at IS DISTINCT FROM last.recorded_at
           OR last.seq IS NULL AND head.retired_seq = 0 AND head.updated_at IS NOT NULL
         THEN 'head'
       END AS problem
FROM (
  SELECT generate_series(0, 255) AS chain
  UNION SELECT chain FROM ${t.chains}
  UNION SELECT chain FROM ${t.events} WHERE chain < 0
  UNION SELECT chain FROM ${t.events} WHERE chain > 255
  UNION SELECT chain FROM ${t.events} WHERE chain IS NULL
) every
LEFT JOIN ${t.chains} head USING (chain)
LEFT JOIN LATERAL (
  SELECT seq FROM ${t.events} e WHERE e.chain = every.chain ORDER BY seq LIMIT 1
) first ON true
LEFT JOIN LATERAL (
  SELECT seq, hash, recorded_at FROM ${t.events} e WHERE e.chain = every.chain
  ORDER BY seq DESC, occurred_at DESC LIMIT 1
) last ON true
ORDER BY chain`;

/**
 * The last seq of a chain's next page, and its number of rows. It looks at the rows instead of
 * calculating, because a forged seq may be billions away from the next.
 *
 * $1 chain, $2 the seq before the first or NULL for the start of the chain, $3 last seq,
 * $4 rows per page
 */
const verifyPage = (t: LedgerTables): string => `
SELECT max(seq) AS last, count(*) AS rows
FROM (
  SELECT seq FROM ${t.events}
  WHERE chain = $1 AND seq >= coalesce($2::bigint, '-9223372036854775808') AND seq <= $3
    AND ($2::bigint IS NULL OR seq > $2)
  ORDER BY seq LIMIT $4
) page`;

/**
 * The text of a row, which its hash covers together with the previous hash: the columns in order,
 * joined by U+001F, with U+001E for NULL. `rowHash` in `drain/hash.ts` builds the same text.
 *
 * `array_to_string` writes its third argument for every NULL, also in a column whose NOT NULL was
 * removed, so the text always has twelve parts. The times keep all digits, in case a column was
 * changed to a higher precision.
 */
const ROW_TEXT = `convert_to(array_to_string(ARRAY[
      chain::text, seq::text, event, token, ${ms('session_created_at')}, user_id::text,
      ${ms('occurred_at')}, ${ms('expires_at')}, reason, actor, encode(client, 'hex'),
      ${ms('recorded_at')}], E'\\x1f', E'\\x1e') || coalesce(E'\\x1f' || outbox_number, ''), 'UTF8')`;

/** Milliseconds since 1970; an integer unless the column's precision was changed. */
function ms(column: string): string {
  return `trim_scale(extract(epoch FROM ${column}) * 1000)::text`;
}

/**
 * The first broken rows of a range of one chain: `hash` if this row or the one before it was
 * changed; `gap` if rows before it are missing or it was inserted; `head` if its session lasts
 * longer than `longest_session` in `session_chains`. docs/sql.md has a statement for the whole
 * ledger, which needs no code of this module.
 *
 * $1 chain, $2 the seq before the first or NULL for the start of the chain, $3 last seq,
 * $4 and $5 seq and hash of the last retired row, $6 longest lifetime of a session (ms), $7 limit
 */
const verifyChain = (t: LedgerTables): string => `
SELECT seq, CASE WHEN gap THEN 'gap' WHEN changed THEN 'hash' ELSE 'head' END AS problem
FROM (
  SELECT seq, occurred_at,
         hash IS DISTINCT FROM sha256(coalesce(lag(hash) OVER w, $5) || ${ROW_TEXT})
         -- the only value whose text equals that of NULL
         OR coalesce(E'\\x1e' IN (user_id::text, reason, actor), false) AS changed,
         -- numeric, because a forged seq may be the maximum of bigint
         seq <> coalesce(lag(seq) OVER w, $4)::numeric + 1 AS gap,
         (extract(epoch FROM greatest(expires_at, occurred_at))
          - extract(epoch FROM session_created_at)) * 1000 > $6::bigint AS too_long
  FROM ${t.events}
  WHERE chain = $1 AND seq >= coalesce($2::bigint, '-9223372036854775808') AND seq <= $3
  WINDOW w AS (ORDER BY seq, occurred_at)
) linked
WHERE ($2::bigint IS NULL OR seq > $2) AND (gap OR changed OR too_long)
ORDER BY seq, occurred_at LIMIT $7`;

/**
 * The first broken rows of `session_incidents`, which is one hash chain. `incidentHash` in
 * `guard/incidents.ts` builds the same text.
 */
const verifyIncidents = (t: LedgerTables): string => `
SELECT seq, CASE WHEN gap THEN 'gap' ELSE 'hash' END AS problem
FROM (
  SELECT seq, seq <> coalesce(lag(seq) OVER w, 0)::numeric + 1 AS gap,
         hash IS DISTINCT FROM sha256(coalesce(lag(hash) OVER w, sha256('')) || convert_to(
           array_to_string(ARRAY[seq::text, kind, chain::text, token, outbox_number::text, details,
             ${ms('recorded_at')}], E'\\x1f', E'\\x1e'), 'UTF8')) AS changed
  FROM ${t.incidents} WINDOW w AS (ORDER BY seq)
) linked WHERE gap OR changed
UNION ALL
SELECT coalesce(incident_seq, 0), 'head' FROM (SELECT) one LEFT JOIN ${t.ledger} ON true
LEFT JOIN LATERAL (
  SELECT seq, hash FROM ${t.incidents} ORDER BY seq DESC LIMIT 1
) last ON true
WHERE incident_seq IS DISTINCT FROM coalesce(last.seq, 0)
  OR incident_hash IS DISTINCT FROM coalesce(last.hash, sha256(''))
ORDER BY seq LIMIT ${MAX_BREAKS}`;

function isWhole({ chain, fromSeq, toSeq }: VerifyRange): boolean {
  return chain === undefined && fromSeq === undefined && toSeq === undefined;
}

/** Whether the range includes the end of the chain. */
function includesEnd({ toSeq }: VerifyRange, last: string): boolean {
  return toSeq === undefined || toSeq > BigInt(last);
}

/** How many rows of the chain are in the range, if it is intact. */
function estimateRows({ fromSeq = 1n, toSeq }: VerifyRange, { first, headSeq }: Head): bigint {
  const from = fromSeq > BigInt(first) ? fromSeq : BigInt(first);
  const to = toSeq !== undefined && toSeq < BigInt(headSeq) ? toSeq : BigInt(headSeq);
  return from > 0n && to >= from ? to - from + 1n : 0n;
}
