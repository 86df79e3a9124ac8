import type { LedgerTables } from '../postgres/ledger-tables.js';

/**
 * Every chain with its first and last seq, and what is wrong with it as a valid: `head` where it
 * doesn't end where `session_chains` says, as rows at its end were removed or put there past the
 * drain; `foreign` where no bucket has its number.
 */
export const verifyHeads = (t: LedgerTables): string => `
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
           -- The drain moves the head with the last row's own time of recording.
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
