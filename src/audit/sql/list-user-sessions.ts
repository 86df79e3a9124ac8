import type { LedgerTables } from '../postgres/ledger-tables.js';

/** The columns of a session as the audit API shows it. */
export const SESSION_COLUMNS = `
  id, user_id::text AS "userId", token AS handle, created_at AS "createdAt",
  expires_at AS "expiresAt", ended_at AS "endedAt", end_reason AS "endReason",
  ended_by AS "endedBy", ip, user_agent AS "userAgent"`;

/**
 * A page of a user's sessions, the newest first, by the index on (user_id, created_at).
 * $1 user, $2 and $3 beginning and ID of the last one seen, $4 how many
 */
export const listUserSessions = (t: LedgerTables, userIdType: string): string => `
SELECT ${SESSION_COLUMNS}
FROM ${t.sessions}
WHERE user_id = $1::${userIdType} AND created_at <= $2 AND (created_at, id) < ($2, $3)
ORDER BY created_at DESC, id DESC LIMIT $4`;
