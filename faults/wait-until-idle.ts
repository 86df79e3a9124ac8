import { setTimeout as delay } from 'node:timers/promises';

import type { Cluster, Redis } from 'ioredis';
import { Client } from 'pg';

import type { CampaignContext } from './campaign-context.js';
import { now } from './history.js';
import { untilMended } from './mending.js';
import { allBuckets, indexKey, outboxKey } from './keys.js';

/** How long the system may take for each step below (ms). */
const IDLE_TIMEOUT = 45_000;

/** What each connection to Postgres is doing, one line each. */
const BACKENDS = `
SELECT concat_ws(' ', pid, state, wait_event_type, wait_event, 'transaction for',
                 date_trunc('milliseconds', now() - xact_start), 'blocked by',
                 pg_blocking_pids(pid)::text, 'in this state for', date_trunc('milliseconds', clock_timestamp() - state_change),
                 left(regexp_replace(query, '\\s+', ' ', 'g'), 80)) AS backend
FROM pg_stat_activity
WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()`;

/**
 * Stops the traffic and waits until the system has recovered and has nothing left to do. The workers
 * must manage this unaided. Records a problem if they don't.
 */
export async function waitUntilIdle(
  context: CampaignContext,
  redis: Redis | Cluster,
): Promise<void> {
  const { fleet, servers, traffic, problems } = context;
  if (!(await inTime(traffic.stop()))) {
    const calls = traffic
      .unansweredCalls()
      .map(({ n, process, operation }) => `c${n} ${operation.op} in ${process}`);
    problems.push(`calls are not answered although all servers are back: ${calls.join(', ')}`);
  }
  await fleet.startAll();
  await servers.untilHealthy();
  await waitUntilAvailable(context);
  if (!(await inTime(untilDrained(redis)))) {
    problems.push(
      `not all events were recorded within ${IDLE_TIMEOUT} ms without faults; Postgres is running:\n` +
        (await postgresActivity(servers.postgres.url)),
    );
  }
  if (!(await untilMended(context, redis, IDLE_TIMEOUT))) {
    problems.push(`what a server forgot is not made good within ${IDLE_TIMEOUT} ms without faults`);
  }
  // What was made good has added events.
  await inTime(untilDrained(redis));
}

/** If the drain is held up in Postgres, this shows what holds it up. */
async function postgresActivity(url: string): Promise<string> {
  const client = new Client({ connectionString: url });
  await client.connect();
  const { rows } = await client.query<{ backend: string }>(BACKENDS);
  await client.end();
  return rows.map(({ backend }) => `    ${backend}`).join('\n');
}

/** Waits until every process can create sessions again. */
async function waitUntilAvailable({ fleet, traffic, problems }: CampaignContext): Promise<void> {
  const deadline = now() + IDLE_TIMEOUT;
  for (const process of fleet.processes) {
    let available = false;
    while (!available && now() < deadline) {
      const call = await traffic.call(process, (n) => ({
        op: 'create',
        userId: `idle-check-${n}`,
        marker: `c${n}`,
        lifetime: 1_000,
      }));
      available = call.answer?.ok ?? false;
      if (!available) await delay(100);
    }
    if (!available) {
      problems.push(`${process.name} creates no sessions although all servers are back`);
    }
  }
}

/** Resolves when no event is left in the outbox and no session is overdue. */
async function untilDrained(redis: Redis | Cluster): Promise<void> {
  while (!(await isDrained(redis).catch(() => false))) await delay(50);
}

async function isDrained(redis: Redis | Cluster): Promise<boolean> {
  const counts = await Promise.all(
    allBuckets().flatMap((bucket) => [
      redis.zcount(indexKey(bucket), '-inf', now() - 50),
      redis.xlen(outboxKey(bucket)),
    ]),
  );
  return counts.every((count) => count === 0);
}

async function inTime(work: Promise<unknown>): Promise<boolean> {
  const done = work.then(() => true);
  return Promise.race([done, delay(IDLE_TIMEOUT, false, { ref: false })]);
}
