import { setTimeout as delay } from 'node:timers/promises';

import type { Cluster, Redis } from 'ioredis';
import type { Client } from 'pg';

import type { CampaignContext } from './campaign-context.js';
import type { BucketNumbers } from './checker/evidence.js';
import { now } from './history.js';
import { allBuckets, outboxKey } from './keys.js';
import { readNumbers, withPostgres } from './read-evidence.js';

const INTERVAL = 100; // ms

/** When an operator last accepted losses, by Postgres's clock (ms since 1970). */
const accepted = new WeakMap<CampaignContext, number>();

/**
 * Waits until the workers have found what a server forgot, and have made it good. If the module asks
 * for an operator's word, gives it, and calls `onAsked`. Returns false if that takes longer than
 * `timeout` ms.
 */
export async function untilMended(
  context: CampaignContext,
  redis: Redis | Cluster,
  timeout: number,
  onAsked: () => void = () => undefined,
): Promise<boolean> {
  const deadline = now() + timeout;
  const left = new Set(allBuckets());
  for (;;) {
    // Other faults may have stopped Redis or Postgres.
    const mended = await findMended(context, redis, onAsked).catch(() => []);
    for (const bucket of mended) left.delete(bucket);
    if (left.size === 0) return true;
    if (now() > deadline) return false;
    await delay(INTERVAL);
  }
}

/** The buckets for whose events Redis and Postgres agree, at this moment. */
async function findMended(
  context: CampaignContext,
  redis: Redis | Cluster,
  onAsked: () => void,
): Promise<number[]> {
  return withPostgres(context.servers.postgres.url, async (client) => {
    await acceptLosses(context, client, onAsked);
    const numbers = await readNumbers(redis, client);
    const next = await Promise.all(allBuckets().map((bucket) => firstNumber(redis, bucket)));
    const isMended = ({ bucket, committed, given, isDamaged }: BucketNumbers) =>
      // Otherwise a number that was given out twice, or one after a gap, is still to be found.
      !isDamaged && given >= committed && (next[bucket] ?? given + 1) === committed + 1;
    return numbers.filter(isMended).map(({ bucket }) => bucket);
  });
}

/** The number of the first event in the outbox. */
async function firstNumber(redis: Redis | Cluster, bucket: number): Promise<number | null> {
  const [first] = await redis.xrange(outboxKey(bucket), '-', '+', 'COUNT', 1);
  return first ? Number.parseInt(first[1][1]!, 10) : null;
}

/** What an operator does if the log says that too many sessions are missing. */
async function acceptLosses(
  context: CampaignContext,
  client: Client,
  onAsked: () => void,
): Promise<void> {
  const { rows } = await client.query<{ at: number | null }>(
    `SELECT (extract(epoch FROM max(recorded_at)) * 1000)::float8 AS at
     FROM session_incidents WHERE kind = 'loss-limit'`,
  );
  const at = rows[0]!.at;
  if (at === null || at <= (accepted.get(context) ?? 0)) return;
  onAsked();
  const { workers } = context.fleet;
  const worker = workers.find(({ ready }) => ready) ?? workers[0]!;
  const call = await context.traffic.call(worker, () => ({ op: 'acceptLosses' }));
  if (call.answer?.ok) accepted.set(context, at);
}
