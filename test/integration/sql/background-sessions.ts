import type { Client } from 'pg';

/** Number of background sessions; each has two events. */
export const BACKGROUND_SESSIONS = 200_000;

/**
 * Inserts half a year of sessions, so that the tables are large: from January to June 2026, except
 * for the week of the sample sessions. They last up to twelve hours, and all have ended.
 */
export async function insertBackgroundSessions(client: Client): Promise<void> {
  await client.query(`
    CREATE TEMP TABLE background AS
    SELECT i, to_hex(i % 16) AS bucket, 'u' || i * 7919 % 5000 AS user_id, created,
           created + (i % 719 + 1) * interval '1 minute' AS ended,
           (ARRAY['logout', 'expired', 'rotated', 'evicted', 'revoked'])[i % 5 + 1] AS reason
    FROM generate_series(0, ${BACKGROUND_SESSIONS - 1}) AS i,
      LATERAL (SELECT date_trunc('milliseconds',
        timestamptz '2026-01-01Z' + i * (interval '180 days' / ${BACKGROUND_SESSIONS})) AS created) c
    WHERE created NOT BETWEEN '2026-03-07 12:00Z' AND '2026-03-15Z'
    ORDER BY i`);
  await client.query(`
    INSERT INTO sessions (token, user_id, created_at, expires_at, ended_at, end_reason, ended_by, ip,
                          user_agent, client_salt)
    SELECT lpad(bucket, 2, '0') || rpad(md5(i::text), 43, '-'), user_id, created,
           created + interval '12 hours', ended, reason, CASE WHEN i % 5 = 4 THEN 'admin' END,
           '10.' || i % 200 || '.' || i % 251 || '.' || i % 255, 'Agent ' || i % 40, '\\x02'
    FROM background ORDER BY i`);
  await client.query(`
    INSERT INTO session_events (chain, seq, event, token, session_created_at, user_id, occurred_at,
                                expires_at, reason, actor, client, recorded_at, hash)
    SELECT i % 16, 1000 + row_number() OVER (PARTITION BY i % 16 ORDER BY occurred, event), event,
           lpad(bucket, 2, '0') || rpad(md5(i::text), 43, '-'), created, user_id, occurred,
           created + interval '12 hours', CASE event WHEN 'destroyed' THEN reason END,
           CASE WHEN event = 'destroyed' AND i % 5 = 4 THEN 'admin' END,
           CASE event WHEN 'created' THEN sha256('x') END, occurred, sha256('y')
    FROM (SELECT *, 'created' AS event, created AS occurred FROM background
          UNION ALL SELECT *, 'destroyed', ended FROM background) e
    ORDER BY occurred`);
  await client.query('VACUUM ANALYZE sessions, session_events');
}

/** Creates the partitions of January to June 2026; the migration only creates those from now on. */
export async function createPartitions(client: Client): Promise<void> {
  for (const parent of ['sessions', 'session_events']) {
    for (let month = 1; month <= 6; month += 1) {
      await client.query(
        `CREATE TABLE IF NOT EXISTS ${parent}_2026_0${month} PARTITION OF ${parent}
         FOR VALUES FROM ('2026-0${month}-01Z') TO ('2026-0${month + 1}-01Z')`,
      );
    }
  }
}
