import type { LedgerTables } from '../ledger-tables.js';
import { ROW_TEXT } from './verify-row-text.js';

/**
 * The first rows of one chain, after one seq and up to another, that don't follow from the row
 * before them: `hash` (the row was changed, or the one before it), `gap` (rows before it are
 * missing, or it was put in).
 * docs/sql.md has the same statement for the whole ledger; it needs no code of ours.
 *
 * $1 chain, $2 the seq before the first, or NULL for the chain's beginning, $3 last seq,
 * $4 and $5 seq and hash of the last row that was retired, $6 how many to name
 */
export const verifyChain = (t: LedgerTables): string => `
SELECT seq, CASE WHEN gap THEN 'gap' ELSE 'hash' END AS problem
FROM (
  SELECT seq, occurred_at, hash,
         sha256(coalesce(lag(hash) OVER w, $5) || ${ROW_TEXT}) AS want,
         -- numeric, as a forged seq may be the highest there is
         seq <> coalesce(lag(seq) OVER w, $4)::numeric + 1 AS gap,
         -- the one value whose text is that of NULL
         E'\\x1e' IN (user_id::text, reason, actor) AS posing
  FROM ${t.events}
  WHERE chain = $1 AND seq >= coalesce($2::bigint, '-9223372036854775808') AND seq <= $3
  WINDOW w AS (ORDER BY seq, occurred_at)
) linked
WHERE ($2::bigint IS NULL OR seq > $2) AND (gap OR hash IS DISTINCT FROM want OR posing)
ORDER BY seq, occurred_at LIMIT $6`;
