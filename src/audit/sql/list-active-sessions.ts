import type { LedgerTables } from '../postgres/ledger-tables.js';
import { SESSION_COLUMNS } from './list-user-sessions.js';

/**
 * A page of the sessions that were live at a moment, the newest first, by the primary key. None
 * can have begun earlier than the longest session there ever was takes, which bounds the scan; nor,
 * whatever a forged record says, earlier than a year, the most that `maxLifetime` can be.
 * $1 moment, $2 and $3 beginning and ID of the last one seen, $4 how many
 */
export const listActiveSessions = (t: LedgerTables): string => `
SELECT ${SESSION_COLUMNS}
FROM ${t.sessions}
WHERE created_at <= $1 AND created_at >= $1::timestamptz - (
    SELECT least(max(longest_session) * interval '1 ms', interval '366 days') FROM ${t.chains})
  AND (created_at, id) < ($2, $3)
  AND (ended_at > $1 OR ended_at IS NULL AND expires_at > $1)
ORDER BY created_at DESC, id DESC LIMIT $4`;
