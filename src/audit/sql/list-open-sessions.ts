import type { LedgerTables } from '../postgres/ledger-tables.js';

/**
 * A page of the sessions that are open in SQL, the oldest first, by the partial index on open
 * rows.
 *
 * $1 and $2 beginning and ID before the first, $3 how many
 */
export const listOpenSessions = (t: LedgerTables): string => `
SELECT id, created_at, token, user_id::text AS user_id,
       (extract(epoch FROM created_at) * 1000)::bigint AS created_ms,
       (extract(epoch FROM expires_at) * 1000)::bigint AS expires_ms
FROM ${t.sessions}
WHERE ended_at IS NULL AND (created_at, id) > ($1, $2)
ORDER BY created_at, id LIMIT $3`;
