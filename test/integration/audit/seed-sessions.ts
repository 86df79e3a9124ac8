import type { Trail } from '../../support/trail.js';

export interface Seed {
  users: string[];
  /** Total number of sessions, distributed over the users in turn. */
  count: number;
  /** Creation time of the first session (ms since 1970). */
  from: number;
  /** How much later each further session is created (ms), wrapping around after a day. */
  step: number;
}

/**
 * Inserts rows into `sessions` directly, without records in the ledger. Every third session is
 * still open; the others ended after 1 to 11 hours.
 */
export async function seedSessions(
  trail: Trail,
  { users, count, from, step }: Seed,
): Promise<void> {
  await trail.rows(
    `INSERT INTO sessions (user_id, token, created_at, expires_at, ended_at, end_reason)
     SELECT ($1::text[])[1 + i % $2::int], '00' || translate(gen_random_uuid()::text, '-', ''), created,
            created + interval '12 hours',
            CASE i % 3 WHEN 0 THEN NULL ELSE created + (i % 11 + 1) * interval '1 hour' END,
            CASE i % 3 WHEN 0 THEN NULL ELSE 'logout' END
     FROM (SELECT i, timestamptz 'epoch' + ($3::bigint + i * $4::bigint % 86400000)
                     * interval '1 ms' AS created
           FROM generate_series(1, $5::int) i) seed`,
    [users, users.length, from, step, count],
  );
  // The drain maintains this value, and `activeAt` relies on it.
  await trail.rows('UPDATE session_chains SET longest_session = 43200000 WHERE chain = 0');
}
