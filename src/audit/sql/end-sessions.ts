import type { LedgerTables } from '../postgres/ledger-tables.js';

/**
 * Writes the end into the rows of sessions that began in an earlier batch.
 *
 * $1 tokens, $2 beginnings, $3 ends, $4 reasons, $5 actors; times in ms
 */
export const endSessions = (t: LedgerTables): string => `
UPDATE ${t.sessions} s
SET ended_at = timestamptz 'epoch' + e.ended_ms * interval '1 ms',
    end_reason = e.reason, ended_by = e.actor
FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::text[], $5::text[])
  AS e (token, created_ms, ended_ms, reason, actor)
WHERE s.token = e.token AND s.created_at = timestamptz 'epoch' + e.created_ms * interval '1 ms'`;
