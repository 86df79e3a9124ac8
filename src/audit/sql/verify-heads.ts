import type { LedgerTables } from '../ledger-tables.js';

/**
 * Every chain with the seq at which it ends, and whether that is where `session_chains` says it
 * ends: else rows at its end were removed, or put there past the drain.
 */
export const verifyHeads = (t: LedgerTables): string => `
SELECT chain, coalesce(last.seq, 0) AS seq,
       coalesce(head.last_seq <> coalesce(last.seq, 0)
                OR head.last_hash <> coalesce(last.hash, sha256('')), true) AS broken
FROM (
  SELECT generate_series(0, 255) AS chain
  UNION SELECT chain FROM ${t.events} WHERE chain < 0
  UNION SELECT chain FROM ${t.events} WHERE chain > 255
) every
LEFT JOIN ${t.chains} head USING (chain)
LEFT JOIN LATERAL (
  SELECT seq, hash FROM ${t.events} e WHERE e.chain = every.chain ORDER BY seq DESC LIMIT 1
) last ON true
ORDER BY chain`;
