import type { LedgerTables } from '../postgres/ledger-tables.js';

/** Dead letters that still wait, the oldest first. $1 the ID before the first, $2 how many */
export const listDeadLetters = (t: LedgerTables): string => `
SELECT id, chain, stream_id AS "streamId", raw, sqlstate AS "sqlState", reason,
       created_at AS "createdAt"
FROM ${t.deadLetters} WHERE redriven_at IS NULL AND id > $1 ORDER BY id LIMIT $2`;
