import type { LedgerTables } from '../postgres/ledger-tables.js';
import { ROW_TEXT } from './verify-row-text.js';

/**
 * The first rows of one chain, after one seq and up to another, that don't follow from the row
 * before them: `hash` (the row was changed, or the one before it), `gap` (rows before it are
 * missing, or it was put in), `head` (the session lasts longer than `session_chains` says that any
 * did).
 * docs/sql.md has the same statement for the whole ledger; it needs no code of ours.
 *
 * $1 chain, $2 the seq before the first, or NULL for the chain's beginning, $3 last seq,
 * $4 and $5 seq and hash of the last row that was retired, $6 the longest session, ms,
 * $7 how many rows to name
 */
export const verifyChain = (t: LedgerTables): string => `
SELECT seq, CASE WHEN gap THEN 'gap' WHEN changed THEN 'hash' ELSE 'head' END AS problem
FROM (
  SELECT seq, occurred_at,
         hash IS DISTINCT FROM sha256(coalesce(lag(hash) OVER w, $5) || ${ROW_TEXT})
         -- the one value whose text is that of NULL
         OR coalesce(E'\\x1e' IN (user_id::text, reason, actor), false) AS changed,
         -- numeric, as a forged seq may be the highest there is
         seq <> coalesce(lag(seq) OVER w, $4)::numeric + 1 AS gap,
         (extract(epoch FROM greatest(expires_at, occurred_at))
          - extract(epoch FROM session_created_at)) * 1000 > $6::bigint AS too_long
  FROM ${t.events}
  WHERE chain = $1 AND seq >= coalesce($2::bigint, '-9223372036854775808') AND seq <= $3
  WINDOW w AS (ORDER BY seq, occurred_at)
) linked
WHERE ($2::bigint IS NULL OR seq > $2) AND (gap OR changed OR too_long)
ORDER BY seq, occurred_at LIMIT $7`;
