import type { LedgerTables } from '../postgres/ledger-tables.js';

/**
 * Appends a batch to the ledger: a plain INSERT, so that a doubled row is an error and never a
 * hole in the chain.
 *
 * $1 chain, $2 time of recording in ms, then a column's values each:
 * $3 seq, $4 event, $5 token, $6 session's beginning, $7 user, $8 moment, $9 end, $10 reason,
 * $11 actor, $12 client, $13 hash; times in ms
 */
export const insertEvents = (t: LedgerTables, userIdType: string): string => `
INSERT INTO ${t.events} (chain, seq, event, token, session_created_at, user_id, occurred_at,
                         expires_at, reason, actor, client, hash, recorded_at)
SELECT $1, seq, event, token, timestamptz 'epoch' + created_ms * interval '1 ms',
       ${asStored(userIdType)}, timestamptz 'epoch' + occurred_ms * interval '1 ms',
       timestamptz 'epoch' + expires_ms * interval '1 ms', reason, actor,
       decode(client, 'hex'), decode(hash, 'hex'),
       timestamptz 'epoch' + $2::bigint * interval '1 ms'
FROM unnest($3::bigint[], $4::text[], $5::text[], $6::bigint[], $7::text[], $8::bigint[],
            $9::bigint[], $10::text[], $11::text[], $12::text[], $13::text[])
  AS e (seq, event, token, created_ms, user_id, occurred_ms, expires_ms, reason, actor, client, hash)`;

/**
 * A user ID that Postgres would write otherwise ('007' as 7) is refused: the row's hash covers the
 * text that is stored.
 */
function asStored(userIdType: string): string {
  if (userIdType === 'text') return 'user_id';
  return `CASE WHEN user_id::${userIdType}::text = user_id THEN user_id::${userIdType}
            ELSE ('not canonical: ' || user_id)::${userIdType} END`;
}
