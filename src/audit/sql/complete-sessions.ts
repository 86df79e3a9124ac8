import type { LedgerTables } from '../postgres/ledger-tables.js';

/**
 * Completes rows whose end was recorded before their beginning (a redriven dead letter).
 *
 * $1 tokens, $2 beginnings, $3 hard ends, $4 ip, $5 user agent, $6 salt; times in ms
 */
export const completeSessions = (t: LedgerTables): string => `
UPDATE ${t.sessions} s
SET begin_recorded = true, expires_at = timestamptz 'epoch' + b.expires_ms * interval '1 ms',
    ip = b.ip, user_agent = b.user_agent, client_salt = decode(b.salt, 'hex')
FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::text[], $5::text[], $6::text[])
  AS b (token, created_ms, expires_ms, ip, user_agent, salt)
WHERE s.token = b.token AND s.created_at = timestamptz 'epoch' + b.created_ms * interval '1 ms'`;
