import type { LedgerTables } from '../postgres/ledger-tables.js';

/**
 * What is already recorded of a batch's sessions: nothing is recorded twice, whatever was
 * replayed. Ends are found by the row's state, so a beginning can still follow its end.
 *
 * $1 tokens, $2 session beginnings in ms
 */
export const findKnownSessions = (t: LedgerTables): string => `
SELECT k.token, k.created_ms, s.begin_recorded AS begun, s.ended_at IS NOT NULL AS ended
FROM unnest($1::text[], $2::bigint[]) AS k (token, created_ms)
JOIN ${t.sessions} s
  ON s.token = k.token AND s.created_at = timestamptz 'epoch' + k.created_ms * interval '1 ms'`;
