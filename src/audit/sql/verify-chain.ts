import type { LedgerTables } from '../ledger-tables.js';

/**
 * The rows of one chain, within a range of seq, that don't follow from the row before them:
 * `hash` (the row was changed, or the one before it), `gap` (rows are missing or inserted).
 * docs/sql.md has the same statement for the whole ledger; it needs no code of ours.
 *
 * $1 chain, $2 first seq, $3 last seq
 */
export const verifyChain = (t: LedgerTables): string => `
SELECT seq, CASE WHEN gap THEN 'gap' ELSE 'hash' END AS problem
FROM (
  SELECT seq, hash,
         sha256(coalesce(lag(hash) OVER w, sha256('')) || convert_to(concat_ws(E'\\x1f',
           chain, seq, event, token, ${ms('session_created_at')}, coalesce(user_id::text, E'\\x1e'),
           ${ms('occurred_at')}, ${ms('expires_at')}, coalesce(reason, E'\\x1e'),
           coalesce(actor, E'\\x1e'), coalesce(encode(client, 'hex'), E'\\x1e'),
           ${ms('recorded_at')}), 'UTF8')) AS want,
         seq <> coalesce(lag(seq) OVER w, 0) + 1 AS gap
  FROM ${t.events} WHERE chain = $1 AND seq BETWEEN $2::bigint - 1 AND $3
  WINDOW w AS (ORDER BY seq)
) v
WHERE seq >= $2 AND (hash <> want OR gap)
ORDER BY seq`;

function ms(column: string): string {
  return `(extract(epoch FROM ${column}) * 1000)::bigint`;
}
