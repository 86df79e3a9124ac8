import { expect } from '@jest/globals';
import type { Pool } from 'pg';

import { ledgerSettings, type LedgerLayout } from '../../src/audit/postgres/schema.js';
import { LedgerDatabase } from '../../src/audit/postgres/connection.js';
import { Verifier } from '../../src/audit/queries/verifier.js';
import { textsWithIssuedIds } from './secret-search.js';

/** Finds sessions whose events don't match their row, or that were recorded twice. */
const MISMATCHES = (schema: string) => `
SELECT coalesce(s.token, e.token) AS token, s.begin_recorded, s.ended_at, e.*
FROM ${schema}.sessions s
FULL JOIN (
  SELECT token, session_created_at, count(*) FILTER (WHERE event = 'created') AS created_events,
         count(*) FILTER (WHERE event = 'destroyed') AS destroyed_events,
         max(occurred_at) FILTER (WHERE event = 'created') AS first_at,
         max(occurred_at) FILTER (WHERE event = 'destroyed') AS last_at,
         max(reason) FILTER (WHERE event = 'destroyed') AS reason,
         max(actor) FILTER (WHERE event = 'destroyed') AS actor
  FROM ${schema}.session_events GROUP BY 1, 2
) e ON e.token = s.token AND e.session_created_at = s.created_at
WHERE s.token IS NULL OR e.token IS NULL
   OR e.created_events <> s.begin_recorded::int
   OR e.destroyed_events <> (s.ended_at IS NOT NULL)::int
   OR e.first_at <> s.created_at OR e.last_at <> s.ended_at
   OR (e.reason, e.actor) IS DISTINCT FROM (s.end_reason, s.ended_by)`;

/**
 * Expects that each session has one row, one `created` and at most one `destroyed` event, which
 * agree; that the chains are valid; and that no table holds a session ID that was issued.
 */
export async function expectTrailInvariants(
  url: string,
  layout: LedgerLayout,
  pool: Pool,
): Promise<void> {
  const { schema = 'public' } = layout;
  const { rows: tables } = await pool.query<{ name: string }>(
    `SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables
     WHERE schemaname NOT IN ('pg_catalog', 'information_schema')`,
  );
  if (!tables.some(({ name }) => name === `${schema}.sessions`)) return; // no process has started
  expect((await pool.query(MISMATCHES(schema))).rows).toEqual([]);
  expect(await verify(url, layout)).toMatchObject({ valid: true, breaks: [] });
  for (const { name } of tables) {
    const { rows } = await pool.query<{ text: string }>(`SELECT t::text AS text FROM ${name} t`);
    expect(textsWithIssuedIds(rows.map(({ text }) => text))).toEqual([]);
  }
}

async function verify(url: string, layout: LedgerLayout) {
  const database = new LedgerDatabase(url, layout, false);
  try {
    return await new Verifier(database, ledgerSettings(layout).tables).verify();
  } finally {
    await database.close();
  }
}
