import type { LedgerDatabase } from './connection.js';
import type { LedgerTables } from './schema.js';

/** The triggers and constraints that protect the ledger and are missing or disabled. */
export async function findMissingGuards(
  database: LedgerDatabase,
  t: LedgerTables,
): Promise<string[]> {
  const rows = await database.query<{ guard: string }>(missingGuards(t));
  return rows.map(({ guard }) => guard);
}

/** As in docs/sql.md, "Are the ledger's guards in place?". */
const missingGuards = (t: LedgerTables): string => `
SELECT guard || ' of ' || of_table::regclass AS guard
FROM (
  SELECT '${t.events}'::regclass::oid AS of_table
  UNION ALL SELECT inhrelid FROM pg_inherits WHERE inhparent = '${t.events}'::regclass
) AS part
CROSS JOIN (VALUES ('session_events_append_only'), ('session_events_no_truncate')) AS each (guard)
WHERE NOT EXISTS (
  SELECT FROM pg_trigger
  WHERE tgrelid = of_table AND tgname = guard AND tgenabled IN ('O', 'A'))
UNION ALL
SELECT guard || ' of session_incidents'
FROM (VALUES ('session_incidents_append_only'), ('session_incidents_no_truncate')) AS each (guard)
WHERE NOT EXISTS (
  SELECT FROM pg_trigger
  WHERE tgrelid = '${t.incidents}'::regclass AND tgname = guard AND tgenabled IN ('O', 'A'))
UNION ALL
SELECT 'session_events_pkey' WHERE NOT EXISTS (
  SELECT FROM pg_constraint
  WHERE conrelid = '${t.events}'::regclass AND conname = 'session_events_pkey' AND convalidated)
UNION ALL
SELECT 'NOT NULL of ' || attname FROM pg_attribute
WHERE attrelid = '${t.events}'::regclass AND NOT attnotnull
  AND attname IN ('chain', 'seq', 'occurred_at', 'event', 'token', 'session_created_at',
                  'expires_at', 'recorded_at', 'hash')`;
