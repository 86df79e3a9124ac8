import type { LedgerTables } from '../postgres/ledger-tables.js';

/** Keeps what could not be recorded. $1 chain, $2 stream ID, $3 raw bytes, $4 SQLSTATE, $5 reason */
export const insertDeadLetter = (t: LedgerTables): string => `
INSERT INTO ${t.deadLetters} (chain, stream_id, raw, sqlstate, reason) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT DO NOTHING`;
