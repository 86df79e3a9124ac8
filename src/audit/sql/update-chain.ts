import type { LedgerTables } from '../postgres/ledger-tables.js';

/**
 * Moves the head of a chain.
 * $1 chain, $2 last seq, $3 last hash, $4 time of recording and $5 longest session, in ms
 */
export const updateChain = (t: LedgerTables): string => `
UPDATE ${t.chains}
SET last_seq = $2, last_hash = $3, updated_at = timestamptz 'epoch' + $4::bigint * interval '1 ms',
    longest_session = greatest(longest_session, $5)
WHERE chain = $1`;
