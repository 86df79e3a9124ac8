import type { Trail } from './trail.js';

export interface Seed {
  users: string[];
  /** Sessions in all; the users take turns. */
  count: number;
  /** When the first began, ms, and how much later each next one, going round within a day. */
  from: number;
  step: number;
}

/**
 * Puts rows into `sessions` by SQL alone, as many as a test needs: every third is still open, the
 * others ended after minutes or hours. The ledger knows nothing of them.
 */
export async function seedSessions(
  trail: Trail,
  { users, count, from, step }: Seed,
): Promise<void> {
  await trail.rows(
    `INSERT INTO sessions (user_id, token, created_at, expires_at, ended_at, end_reason)
     SELECT ($1::text[])[1 + i % $2::int], '00' || translate(gen_random_uuid()::text, '-', ''), began,
            began + interval '12 hours',
            CASE i % 3 WHEN 0 THEN NULL ELSE began + (i % 11 + 1) * interval '1 hour' END,
            CASE i % 3 WHEN 0 THEN NULL ELSE 'logout' END
     FROM (SELECT i, timestamptz 'epoch' + ($3::bigint + i * $4::bigint % 86400000)
                     * interval '1 ms' AS began
           FROM generate_series(1, $5::int) i) seed`,
    [users, users.length, from, step, count],
  );
  // What the drain would have noted.
  await trail.rows('UPDATE session_chains SET longest_session = 43200000 WHERE chain = 0');
}
