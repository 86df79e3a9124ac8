import { setTimeout as delay } from 'node:timers/promises';

import { Cluster, type Redis } from 'ioredis';
import { Client } from 'pg';

import type {
  BucketNumbers,
  EventRecord,
  Evidence,
  IncidentRecord,
  LiveSession,
  SessionRow,
} from './checker/evidence.js';
import { allBuckets, BUCKETS, handleOf, indexKey, numberKey, PREFIX } from './keys.js';

/** How long an event may take from Redis to Postgres while nothing is disturbed (ms). */
const RECORDING_TIMEOUT = 10_000;

const ms = (column: string) => `(extract(epoch FROM ${column}) * 1000)::float8`;

/** The columns of an `EventRecord`. */
export const EVENT_COLUMNS = `
       e.chain, e.seq::float8 AS seq, e.event, e.token AS handle, e.user_id AS "userId", e.reason,
       e.actor, ${ms('e.session_created_at')} AS "sessionCreatedAt",
       ${ms('e.occurred_at')} AS "occurredAt", ${ms('e.expires_at')} AS "expiresAt",
       e.outbox_number::float8 AS number, ${ms('e.recorded_at')} AS "recordedAt"`;

const EVENTS = `SELECT ${EVENT_COLUMNS} FROM session_events e ORDER BY e.chain, e.seq`;

const INCIDENTS = `
SELECT kind, chain, token AS handle, outbox_number::float8 AS number, details::json AS details,
       ${ms('recorded_at')} AS "recordedAt"
FROM session_incidents ORDER BY seq`;

const NUMBERS = `
SELECT chain AS bucket, outbox_number::float8 AS committed,
       mend_from IS NOT NULL OR recover_from IS NOT NULL AS "isDamaged"
FROM session_chains WHERE chain < ${BUCKETS} ORDER BY chain`;

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

/** The same for the incidents, which are one chain. */
const INCIDENT_BREAKS = `
SELECT 'incident ' || seq || CASE WHEN gap THEN ' leaves a gap' ELSE ' has a wrong hash' END AS problem
FROM (
  SELECT seq, hash, seq <> coalesce(lag(seq) OVER w, 0) + 1 AS gap,
         sha256(coalesce(lag(hash) OVER w, sha256('')) || convert_to(concat_ws(E'\\x1f',
           seq, kind, coalesce(chain::text, E'\\x1e'), coalesce(token, E'\\x1e'),
           coalesce(outbox_number::text, E'\\x1e'), details,
           (extract(epoch FROM recorded_at) * 1000)::bigint), 'UTF8')) AS want
  FROM session_incidents WINDOW w AS (ORDER BY seq)
) rows WHERE gap OR hash <> want
UNION ALL
SELECT 'the incidents end at ' || coalesce(last.seq, 0) || ', their head says ' || incident_seq
FROM session_ledger
LEFT JOIN LATERAL (SELECT seq, hash FROM session_incidents ORDER BY seq DESC LIMIT 1) last ON true
WHERE incident_seq <> coalesce(last.seq, 0) OR incident_hash <> coalesce(last.hash, sha256(''))`;

/** Reads Redis and Postgres without the module. The order matters: see `Evidence`. */
export async function readEvidence(redis: Redis | Cluster, database: string): Promise<Evidence> {
  const expiryIndex = await readExpiryIndex(redis);
  return withPostgres(database, async (client) => {
    const numbers = await readFinalNumbers(redis, client); // before the events
    const { rows: events } = await client.query<EventRecord>(EVENTS);
    const { rows } = await client.query<SessionRow>(SESSIONS);
    const { rows: incidents } = await client.query<IncidentRecord>(INCIDENTS);
    const breaks = await client.query<{ chain: number; problem: string }>(CHAIN_BREAKS);
    const others = await client.query<{ problem: string }>(INCIDENT_BREAKS);
    const [deadLetters] = (await client.query<{ count: number }>(DEAD_LETTERS)).rows;
    return {
      expiryIndex,
      events,
      rows,
      incidents,
      numbers,
      chainBreaks: [
        ...breaks.rows.map(({ chain, problem }) => `chain ${chain}: ${problem}`),
        ...others.rows.map(({ problem }) => problem),
      ],
      deadLetters: deadLetters!.count,
      live: await readLive(redis),
    };
  });
}

export async function withPostgres<T>(
  database: string,
  work: (client: Client) => Promise<T>,
): Promise<T> {
  const client = new Client({ connectionString: database, connectionTimeoutMillis: 5_000 });
  client.on('error', () => undefined); // the query gets it
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** A session that expires at this moment adds an event, which is recorded soon. */
async function readFinalNumbers(redis: Redis | Cluster, client: Client): Promise<BucketNumbers[]> {
  const deadline = performance.now() + RECORDING_TIMEOUT;
  for (;;) {
    const numbers = await readNumbers(redis, client);
    const isFinal = numbers.every(({ given, committed }) => given === committed);
    if (isFinal || performance.now() > deadline) return numbers;
    await delay(50);
  }
}

/** SQL first: while everything works, Redis is never behind it. */
export async function readNumbers(
  redis: Redis | Cluster,
  client: Client,
): Promise<BucketNumbers[]> {
  const { rows } = await client.query<Omit<BucketNumbers, 'given'>>(NUMBERS);
  const given = await Promise.all(allBuckets().map((bucket) => redis.get(numberKey(bucket))));
  return rows.map((row) => ({ ...row, given: Number(given[row.bucket] ?? 0) }));
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
