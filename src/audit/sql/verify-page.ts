import type { LedgerTables } from '../postgres/ledger-tables.js';

/**
 * Where the next page of a chain ends, and how many rows it has: found in the rows, not reckoned,
 * as a forged seq may lie further away than there are rows in the world.
 *
 * $1 chain, $2 the seq before the first, or NULL for the chain's beginning, $3 last seq,
 * $4 rows in a page
 */
export const verifyPage = (t: LedgerTables): string => `
SELECT max(seq) AS last, count(*) AS rows
FROM (
  SELECT seq FROM ${t.events}
  WHERE chain = $1 AND seq >= coalesce($2::bigint, '-9223372036854775808') AND seq <= $3
    AND ($2::bigint IS NULL OR seq > $2)
  ORDER BY seq LIMIT $4
) page`;
