import { Cluster, type Redis } from 'ioredis';
import { Client } from 'pg';

import type { EventRecord, Evidence, LiveSession, SessionRow } from './checker/evidence.js';
import { allBuckets, handleOf, indexKey, PREFIX } from './keys.js';

const ms = (column: string) => `(extract(epoch FROM ${column}) * 1000)::float8`;

const EVENTS = `
SELECT chain, seq::float8 AS seq, event, token AS handle, user_id AS "userId", reason, actor,
       ${ms('session_created_at')} AS "sessionCreatedAt", ${ms('occurred_at')} AS "occurredAt",
       ${ms('expires_at')} AS "expiresAt"
FROM session_events ORDER BY chain, seq`;

const SESSIONS = `
SELECT token AS handle, user_id AS "userId", ${ms('created_at')} AS "createdAt",
       ${ms('expires_at')} AS "expiresAt", ${ms('ended_at')} AS "endedAt",
       end_reason AS "endReason", ended_by AS "endedBy", user_agent AS "userAgent",
       begin_recorded AS "beginRecorded"
FROM sessions`;

const DEAD_LETTERS = `SELECT count(*)::int AS count FROM session_dead_letters`;

/**
 * The rows that don't follow from the row before them, and the chains that don't end where
 * `session_chains` says. Shares no code with the module, so that it doesn't share its mistakes.
 */
const CHAIN_BREAKS = `
SELECT chain, 'row ' || seq || CASE WHEN gap THEN ' leaves a gap' ELSE ' has a wrong hash' END AS problem
FROM (
  SELECT chain, seq, hash,
         seq <> coalesce(lag(seq) OVER w, 0) + 1 AS gap,
         sha256(coalesce(lag(hash) OVER w, sha256('')) || convert_to(concat_ws(E'\\x1f',
           chain, seq, event, token, (extract(epoch FROM session_created_at) * 1000)::bigint,
           coalesce(user_id, E'\\x1e'), (extract(epoch FROM occurred_at) * 1000)::bigint,
           (extract(epoch FROM expires_at) * 1000)::bigint, coalesce(reason, E'\\x1e'),
           coalesce(actor, E'\\x1e'), coalesce(encode(client, 'hex'), E'\\x1e'),
           (extract(epoch FROM recorded_at) * 1000)::bigint, outbox_number), 'UTF8')) AS want
  FROM session_events WINDOW w AS (PARTITION BY chain ORDER BY seq)
) rows WHERE gap OR hash <> want
UNION ALL
SELECT chain, 'the chain ends at ' || coalesce(last.seq, 0) || ', its head says ' || last_seq
FROM session_chains
LEFT JOIN LATERAL (
  SELECT seq, hash FROM session_events e WHERE e.chain = session_chains.chain
  ORDER BY seq DESC LIMIT 1
) last ON true
WHERE last_seq <> coalesce(last.seq, 0) OR last_hash <> coalesce(last.hash, sha256(''))`;

/** Reads Redis and Postgres without the module. The order matters: see `Evidence`. */
export async function readEvidence(redis: Redis | Cluster, database: string): Promise<Evidence> {
  const expiryIndex = await readExpiryIndex(redis);
  const client = new Client({ connectionString: database });
  await client.connect();
  try {
    const events = (await client.query<EventRecord>(EVENTS)).rows;
    const rows = (await client.query<SessionRow>(SESSIONS)).rows;
    const breaks = (await client.query<{ chain: number; problem: string }>(CHAIN_BREAKS)).rows;
    const [deadLetters] = (await client.query<{ count: number }>(DEAD_LETTERS)).rows;
    const chainBreaks = breaks.map(({ chain, problem }) => `chain ${chain}: ${problem}`);
    const live = await readLive(redis);
    return { expiryIndex, events, rows, chainBreaks, deadLetters: deadLetters!.count, live };
  } finally {
    await client.end();
  }
}

/** The sessions that have a member in the expiry index. */
async function readExpiryIndex(redis: Redis | Cluster): Promise<Set<string>> {
  const handles = new Set<string>();
  for (const bucket of allBuckets()) {
    for (const member of await redis.zrange(indexKey(bucket), 0, -1)) {
      handles.add(handleOf(bucket, member.split(':')[0]!));
    }
  }
  return handles;
}

async function readLive(redis: Redis | Cluster): Promise<LiveSession[]> {
  const nodes = redis instanceof Cluster ? redis.nodes('master') : [redis];
  const keys = await Promise.all(nodes.map((node) => scan(node, `${PREFIX}:{*}:s:*`)));
  const found = await Promise.all([...new Set(keys.flat())].map((key) => readOne(redis, key)));
  return found.flatMap((session) => session ?? []);
}

async function scan(node: Redis, match: string): Promise<string[]> {
  const found: string[] = [];
  let cursor = '0';
  do {
    const [next, keys] = await node.scan(cursor, 'MATCH', match, 'COUNT', 1_000);
    found.push(...keys);
    cursor = next;
  } while (cursor !== '0');
  return found;
}

async function readOne(redis: Redis | Cluster, key: string): Promise<LiveSession | null> {
  const record = await redis.get(key);
  const [, bucket, digest] = /\{(\d+)\}:s:(.*)$/.exec(key) ?? [];
  if (record === null || !bucket || !digest) return null;
  const [userId = '', createdAt] = record.split('\x1f');
  return { handle: handleOf(Number(bucket), digest), userId, createdAt: Number(createdAt) };
}
