import { expect } from '@jest/globals';
import type { Pool } from 'pg';

import { ledgerSettings, type LedgerLayout } from '../../../src/audit/postgres/schema.js';
import { LedgerDatabase } from '../../../src/audit/postgres/connection.js';
import { Verifier } from '../../../src/audit/queries/verifier.js';
import { issuedIds } from '../../support/issued-ids.js';
import { containsSecret } from '../../support/secret-search.js';

/** A session whose records don't fit its row, or which was recorded twice. */
const MISFITS = (schema: string) => `
SELECT coalesce(s.token, e.token) AS token, s.begin_recorded, s.ended_at, e.*
FROM ${schema}.sessions s
FULL JOIN (
  SELECT token, session_created_at, count(*) FILTER (WHERE event = 'created') AS begins,
         count(*) FILTER (WHERE event = 'destroyed') AS ends,
         max(occurred_at) FILTER (WHERE event = 'created') AS begun_at,
         max(occurred_at) FILTER (WHERE event = 'destroyed') AS ended_at,
         max(reason) FILTER (WHERE event = 'destroyed') AS reason,
         max(actor) FILTER (WHERE event = 'destroyed') AS actor
  FROM ${schema}.session_events GROUP BY 1, 2
) e ON e.token = s.token AND e.session_created_at = s.created_at
WHERE s.token IS NULL OR e.token IS NULL
   OR e.begins <> s.begin_recorded::int OR e.ends <> (s.ended_at IS NOT NULL)::int
   OR e.begun_at <> s.created_at OR e.ended_at <> s.ended_at
   OR (e.reason, e.actor) IS DISTINCT FROM (s.end_reason, s.ended_by)`;

/**
 * Expects a trail to be of one piece: each session has one row, one beginning and at most one end,
 * which agree; the chains are whole; and no session ID that was handed out is in any table.
 */
export async function proveTrail(url: string, layout: LedgerLayout, pool: Pool): Promise<void> {
  const { schema = 'public' } = layout;
  const { rows: tables } = await pool.query<{ name: string }>(
    `SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables
     WHERE schemaname NOT IN ('pg_catalog', 'information_schema')`,
  );
  if (!tables.some(({ name }) => name === `${schema}.sessions`)) return; // no process ever started
  expect((await pool.query(MISFITS(schema))).rows).toEqual([]);
  expect(await verify(url, layout)).toMatchObject({ valid: true, breaks: [] });
  const secrets = new Set([...issuedIds].map((id) => id.slice(2)));
  for (const { name } of tables) {
    const { rows } = await pool.query<{ text: string }>(`SELECT t::text AS text FROM ${name} t`);
    expect(rows.filter(({ text }) => containsSecret(text, secrets))).toEqual([]);
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
