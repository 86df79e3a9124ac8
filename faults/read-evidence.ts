import { Cluster, type Redis } from 'ioredis';
import { Client } from 'pg';

import type { EventRecord, Evidence, LiveSession, SessionRow } from './checker/evidence.js';
import { allBuckets, handleOf, indexKey, PREFIX } from './keys.js';
import { CHAIN_BREAKS } from './sql.js';

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

/** Reads what Redis and then Postgres hold, past the module. */
export async function readEvidence(redis: Redis | Cluster, database: string): Promise<Evidence> {
  const due = await readDue(redis);
  const client = new Client({ connectionString: database });
  await client.connect();
  try {
    const events = (await client.query<EventRecord>(EVENTS)).rows;
    const rows = (await client.query<SessionRow>(SESSIONS)).rows;
    const breaks = (await client.query<{ chain: number; problem: string }>(CHAIN_BREAKS)).rows;
    const [deadLetters] = (await client.query<{ count: number }>(DEAD_LETTERS)).rows;
    const chainBreaks = breaks.map(({ chain, problem }) => `chain ${chain}: ${problem}`);
    const live = await readLive(redis);
    return { due, events, rows, chainBreaks, deadLetters: deadLetters!.count, live };
  } finally {
    await client.end();
  }
}

/** Every session that has a member in the expiry index. */
async function readDue(redis: Redis | Cluster): Promise<Set<string>> {
  const due = new Set<string>();
  for (const bucket of allBuckets()) {
    for (const member of await redis.zrange(indexKey(bucket), 0, -1)) {
      due.add(handleOf(bucket, member.split(':')[0]!));
    }
  }
  return due;
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
