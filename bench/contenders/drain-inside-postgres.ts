import { Client } from 'pg';

import type { Place } from '../harness/contender.js';
import type { Racer } from '../harness/in-turn.js';
import { USER_AGENT } from '../harness/sample.js';
import { EVENTS_PER_MS } from '../scenarios/drain.js';

const BUCKETS = 16;
/** Chains of its own: none of ours is touched. */
const FIRST_CHAIN = 1_000;

/** Beginnings: rows as ours, but for a hash that hangs on nothing. $1 chain, $2 from, $3 to */
const BEGIN = `
WITH made AS MATERIALIZED (
  SELECT n, encode(sha256(convert_to($1 || ' ' || n, 'UTF8')), 'base64') AS token, now() AS at,
         lpad(to_hex(n), 8, '0') || '-5e55-4a11-9d3e-0b1c2d3e4f50' AS user_id
  FROM generate_series($2::bigint, $3::bigint) n
), events AS (
  INSERT INTO session_events (chain, seq, occurred_at, event, token, session_created_at, user_id,
                              expires_at, client, recorded_at, hash)
  SELECT $1::smallint, n, at, 'created', token, at, user_id, at + interval '12 hours',
         sha256(token::bytea), at, sha256(user_id::bytea)
  FROM made
)
INSERT INTO sessions (user_id, token, expires_at, created_at, ip, user_agent, client_salt)
SELECT user_id, token, at + interval '12 hours', at, '203.0.100.100', '${USER_AGENT}',
       decode(md5(token), 'hex')
FROM made`;

/** Ends of the sessions that began in the round before. $1 chain, $2 from, $3 to, $4 distance */
const END = `
WITH ended AS (
  UPDATE sessions s SET ended_at = now(), end_reason = 'logout'
  FROM session_events e
  WHERE e.chain = $1::smallint AND e.seq BETWEEN $2::bigint AND $3::bigint
    AND s.token = e.token AND s.created_at = e.session_created_at
  RETURNING e.seq, s.token, s.created_at, s.user_id, s.expires_at
)
INSERT INTO session_events (chain, seq, occurred_at, event, token, session_created_at, user_id,
                            expires_at, reason, recorded_at, hash)
SELECT $1::smallint, -seq, now(), 'destroyed', token, created_at, user_id, expires_at,
       'logout', now(), sha256(token::bytea)
FROM ended`;

/** The same rows made by Postgres itself: nothing is read, sent, parsed or chained. */
export async function open(place: Place): Promise<Racer> {
  const client = new Client({ connectionString: place.databaseUrl });
  await client.connect();
  let done = 0;

  const begin = async (chain: number, from: number, to: number) => {
    await client.query(BEGIN, [chain, from, to]);
  };

  return {
    async round(ms: number) {
      const each = Math.ceil((ms * EVENTS_PER_MS) / 2 / BUCKETS);
      const chains = Array.from({ length: BUCKETS }, (_, bucket) => FIRST_CHAIN + bucket);
      for (const chain of chains) await begin(chain, done + 1, done + each);
      const start = performance.now();
      for (const chain of chains) {
        await client.query('BEGIN');
        await client.query(END, [chain, done + 1, done + each]);
        await begin(chain, done + each + 1, done + 2 * each);
        await client.query('COMMIT');
      }
      const seconds = (performance.now() - start) / 1_000;
      done += 2 * each;
      return (2 * each * BUCKETS) / seconds;
    },
    tidy: async () => undefined,
  };
}
