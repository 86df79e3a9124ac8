import type { LedgerTables } from '../ledger-tables.js';
import { SESSION_COLUMNS } from './list-user-sessions.js';

/**
 * A page of the sessions that were live at a moment, the newest first, by the primary key. A
 * session lives no longer than the maximum lifetime, which bounds the scan.
 * $1 moment, $2 maximum lifetime in ms, $3 and $4 beginning and ID of the last one seen, $5 how many
 */
export const listActiveSessions = (t: LedgerTables): string => `
SELECT ${SESSION_COLUMNS}
FROM ${t.sessions}
WHERE created_at <= $1 AND created_at > $1::timestamptz - $2::bigint * interval '1 ms'
  AND (created_at, id) < ($3, $4)
  AND (ended_at > $1 OR ended_at IS NULL AND expires_at > $1)
ORDER BY created_at DESC, id DESC LIMIT $5`;
