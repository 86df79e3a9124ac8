import type { LedgerTables } from '../postgres/ledger-tables.js';

/**
 * Whether a chain has its head, be it locked or not.
 *
 * $1 chain
 */
export const hasChain = (t: LedgerTables): string => `
SELECT 1 FROM ${t.chains} WHERE chain = $1`;
