import type { LedgerTables } from '../postgres/ledger-tables.js';

/** Takes a dead letter for this transaction; no row where another has it or had it. $1 ID */
export const lockDeadLetter = (t: LedgerTables): string => `
SELECT id FROM ${t.deadLetters} WHERE id = $1 AND redriven_at IS NULL FOR UPDATE SKIP LOCKED`;

/** $1 ID */
export const markRedriven = (t: LedgerTables): string => `
UPDATE ${t.deadLetters} SET redriven_at = now() WHERE id = $1`;
