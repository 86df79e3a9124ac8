import type { LedgerTables } from '../postgres/ledger-tables.js';

/**
 * Locks the head of a chain for this transaction.
 * The time goes into every row of the batch and, as milliseconds, into their hashes.
 *
 * $1 chain
 */
export const lockChain = (t: LedgerTables): string => `
SELECT last_seq, last_hash,
       (extract(epoch FROM date_trunc('milliseconds', clock_timestamp())) * 1000)::bigint AS now
FROM ${t.chains} WHERE chain = $1
FOR UPDATE`;
