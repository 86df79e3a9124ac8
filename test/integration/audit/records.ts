import type { Trail } from '../../support/trail.js';

/** A record of the ledger. */
export interface TrailRecord {
  event: 'created' | 'destroyed';
  handle: string;
  userId: string | null;
  at: Date;
  expiresAt: Date;
  reason: string | null;
  actor: string | null;
}

const COLUMNS = `event, token AS handle, user_id::text AS "userId", occurred_at AS at,
  expires_at AS "expiresAt", reason, actor`;

/** The records of one session, in the order in which they were written. */
export function recordsOf(trail: Trail, handle: string): Promise<TrailRecord[]> {
  return trail.rows(`SELECT ${COLUMNS} FROM session_events WHERE token = $1 ORDER BY seq`, [
    handle,
  ]);
}

/** The number of records of each kind. */
export async function countRecords(trail: Trail): Promise<{ created: number; destroyed: number }> {
  const [counts] = await trail.rows<{ created: number; destroyed: number }>(
    `SELECT (count(*) FILTER (WHERE event = 'created'))::int AS created,
            (count(*) FILTER (WHERE event = 'destroyed'))::int AS destroyed FROM session_events`,
  );
  return counts!;
}
