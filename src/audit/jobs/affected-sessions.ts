import { parseHandle } from '../../store/session-id.js';
import type { LedgerDatabase } from '../postgres/connection.js';
import type { LedgerTables } from '../postgres/schema.js';

const PAGE = 500;

/** A session of the events that Redis has lost, as SQL knows it. */
export interface AffectedSession {
  digest: string;
  createdAt: number;
  userId: string | null;
  expiresAt: number;
  isOpen: boolean;
}

/**
 * Pages of the sessions whose events Redis may have lost: from the end of the chain back to the
 * first row with an older number. Rows without a number lie between those of two histories.
 */
export async function* affectedSessions(
  database: LedgerDatabase,
  tables: LedgerTables,
  chain: number,
  mendFrom: number,
): AsyncGenerator<AffectedSession[]> {
  const returned: AffectedRow[] = await database.query(listReturned(tables), [chain, mendFrom]);
  if (returned.length > 0) yield toSessions(returned);
  let before = '9223372036854775807';
  for (;;) {
    const rows: AffectedRow[] = await database.transaction((runner) =>
      runner.query(listAffected(tables), [chain, before, PAGE]),
    );
    const end = rows.findIndex((row) => isOlder(row, mendFrom));
    const page = end === -1 ? rows : rows.slice(0, end);
    if (page.length > 0) yield toSessions(page);
    if (end !== -1 || rows.length < PAGE) return;
    before = rows.at(-1)!.seq;
  }
}

interface AffectedRow {
  seq: string;
  outbox_number: string | null;
  token: string;
  created_ms: string;
  user_id: string | null;
  expires_ms: string | null;
  ended: boolean;
}

/**
 * A page of a chain's rows, newest first, with the state of their sessions.
 *
 * $1 chain, $2 the seq after the first, $3 limit
 */
const listAffected = (t: LedgerTables): string => `
SELECT e.seq, e.outbox_number, e.token, e.user_id::text AS user_id, s.ended_at IS NOT NULL AS ended,
       (extract(epoch FROM e.session_created_at) * 1000)::bigint AS created_ms,
       (extract(epoch FROM s.expires_at) * 1000)::bigint AS expires_ms
FROM (
  SELECT seq, outbox_number, token, session_created_at, user_id FROM ${t.events}
  WHERE chain = $1 AND seq < $2 ORDER BY seq DESC LIMIT $3
) e
LEFT JOIN ${t.sessions} s ON s.token = e.token AND s.created_at = e.session_created_at
ORDER BY e.seq DESC`;

/**
 * The sessions that an earlier mending has ended again: their second ends are no rows of the ledger,
 * but they have numbers, which may be lost as well.
 *
 * $1 chain, $2 first number
 */
const listReturned = (t: LedgerTables): string => `
SELECT i.seq, i.outbox_number, i.token, s.user_id::text AS user_id, true AS ended,
       (extract(epoch FROM s.created_at) * 1000)::bigint AS created_ms,
       (extract(epoch FROM s.expires_at) * 1000)::bigint AS expires_ms
FROM ${t.incidents} i JOIN ${t.sessions} s ON s.token = i.token AND s.ended_at IS NOT NULL
WHERE i.kind = 'session-returned' AND i.chain = $1 AND i.outbox_number >= $2`;

function isOlder({ outbox_number: number }: AffectedRow, mendFrom: number): boolean {
  return number !== null && Number(number) < mendFrom;
}

/** Each session once. A session whose row is gone from `sessions` can't be judged. */
function toSessions(rows: AffectedRow[]): AffectedSession[] {
  const sessions = new Map<string, AffectedSession>();
  for (const row of rows) {
    const address = parseHandle(row.token, 256);
    if (!address || row.expires_ms === null) continue;
    sessions.set(row.token, {
      digest: address.digest,
      createdAt: Number(row.created_ms),
      userId: row.user_id,
      expiresAt: Number(row.expires_ms),
      isOpen: !row.ended,
    });
  }
  return [...sessions.values()];
}
