import type { LedgerTables } from '../postgres/ledger-tables.js';

/**
 * A row for each session of the batch that has none yet, with its end where that is in the batch
 * too. A user who is gone by now leaves NULL: the lock on the users that are still there keeps
 * them there until the commit.
 *
 * $1 user, $2 token, $3 end, $4 beginning, $5 ended, $6 reason, $7 actor, $8 ip, $9 user agent,
 * $10 salt, $11 whether the beginning is recorded; times in ms
 */
export const insertSessions = (
  t: LedgerTables,
  userIdType: string,
  users: { table: string; column: string } | null,
): string => `
${users ? withPresentUsers(users, userIdType) : ''}
INSERT INTO ${t.sessions} (user_id, token, expires_at, created_at, ended_at, end_reason, ended_by,
                           ip, user_agent, client_salt, begin_recorded)
SELECT ${users ? 'present.id' : `user_id::${userIdType}`}, token,
       timestamptz 'epoch' + expires_ms * interval '1 ms',
       timestamptz 'epoch' + created_ms * interval '1 ms',
       timestamptz 'epoch' + ended_ms * interval '1 ms', end_reason, ended_by, ip, user_agent,
       decode(salt, 'hex'), begin_recorded
FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::text[],
            $7::text[], $8::text[], $9::text[], $10::text[], $11::boolean[])
  AS s (user_id, token, expires_ms, created_ms, ended_ms, end_reason, ended_by, ip, user_agent,
        salt, begin_recorded)
${users ? `LEFT JOIN present ON present.id = s.user_id::${userIdType}` : ''}`;

const withPresentUsers = (users: { table: string; column: string }, type: string): string => `
WITH present AS (
  SELECT "${users.column}" AS id FROM ${users.table}
  WHERE "${users.column}" = ANY ($1::text[]::${type}[])
  FOR KEY SHARE
)`;
