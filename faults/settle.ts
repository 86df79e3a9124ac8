import { setTimeout as delay } from 'node:timers/promises';

import type { Cluster, Redis } from 'ioredis';
import { Client } from 'pg';

import { time } from './clock.js';
import { allBuckets, indexKey, outboxKey } from './keys.js';
import { BACKENDS } from './sql.js';
import type { World } from './world.js';

/** How long the system may take to do by itself what is left to do, ms. */
const PATIENCE = 45_000;

/** Stops the traffic, lets the system come to rest, and complains where it doesn't. */
export async function settle(world: World, redis: Redis | Cluster): Promise<void> {
  const { fleet, servers, traffic, complaints } = world;
  const stopped = await inTime(traffic.stop());
  if (!stopped) {
    const calls = traffic
      .underWay()
      .map(({ n, process, operation }) => `c${n} ${operation.op} at ${process}`);
    complaints.push(`calls are not answered, though all servers are back: ${calls.join(', ')}`);
  }
  await fleet.startAll();
  await servers.untilWhole();
  await answersAgain(world);
  if (!(await inTime(untilDrained(redis)))) {
    complaints.push(
      `not all events were recorded within ${PATIENCE} ms of calm; Postgres is at work on:\n` +
        (await postgresActivity(servers.postgres.url)),
    );
  }
}

/** What holds a drain up is seen here, if it is in Postgres. */
async function postgresActivity(url: string): Promise<string> {
  const client = new Client({ connectionString: url });
  await client.connect();
  const { rows } = await client.query<{ backend: string }>(BACKENDS);
  await client.end();
  return rows.map(({ backend }) => `    ${backend}`).join('\n');
}

/** After failovers, as docs/reliability.md tells operators to do. */
export async function reconcile({ fleet, lossWindows, traffic, complaints }: World): Promise<void> {
  if (lossWindows.length === 0) return;
  const call = await traffic.call(fleet.workers[0]!, () => ({ op: 'reconcile' }));
  if (!call.answer?.ok) complaints.push('it can not be reconciled');
}

/** Every process begins sessions again. */
async function answersAgain({ fleet, traffic, complaints }: World): Promise<void> {
  const deadline = time() + PATIENCE;
  for (const member of fleet.members) {
    let answered = false;
    while (!answered && time() < deadline) {
      const call = await traffic.call(member, (n) => ({
        op: 'create',
        userId: `settler-${n}`,
        marker: `c${n}`,
        lifetime: 1_000,
      }));
      answered = call.answer?.ok ?? false;
      if (!answered) await delay(100);
    }
    if (!answered)
      complaints.push(`${member.name} begins no sessions, though all servers are back`);
  }
}

/** Until no event waits and nothing is overdue, by the work of the workers alone. */
async function untilDrained(redis: Redis | Cluster): Promise<void> {
  while (!(await isDrained(redis).catch(() => false))) await delay(50);
}

async function isDrained(redis: Redis | Cluster): Promise<boolean> {
  const waiting = await Promise.all(
    allBuckets().flatMap((bucket) => [
      redis.zcount(indexKey(bucket), '-inf', time() - 50),
      redis.xlen(outboxKey(bucket)),
    ]),
  );
  return waiting.every((count) => count === 0);
}

async function inTime(work: Promise<unknown>): Promise<boolean> {
  const done = work.then(() => true);
  return Promise.race([done, delay(PATIENCE, false, { ref: false })]);
}
