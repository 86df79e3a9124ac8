import 'reflect-metadata';
import { writeFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';

import { NestFactory } from '@nestjs/core';
import { Redis, type RedisOptions } from 'ioredis';
import { SessionModule, SessionService, type SessionModuleOptions } from 'nest-session-ledger';

import { startRedisSentinel, type PrivateSentinel } from '../dev/index.js';
import { forEachOf } from './harness/closed-loop.js';
import { clientOf, userIdOf } from './harness/sample-data.js';
import { spreadOf } from './harness/statistics.js';

// Counts what an ordered failover (SENTINEL FAILOVER, the replica in step) loses: answered sign-ins whose
// session is gone afterwards, and answered revocations whose session is valid again. Compares the module
// with ioredis alone. `node build/bench/failover.js [--rounds N] [--json FILE] [--quick]`; `--quick` is one
// round of the module, to see that the script works.

/** How long calls are made before the failover, and after the old master has become a replica (ms). */
const BEFORE = 1_000;
const AFTER = 1_500;
/** Sessions that exist before the failover, to be revoked during it. */
const EARLIER = 4_000;
const LOOPS = 4;
const PAUSE = 10; // ms between the calls of a loop

interface Way {
  name: string;
  /** Replicas of the master, and their `min-replicas-to-write`. */
  replicas: number;
  minReplicas: number;
  redis(options: RedisOptions): SessionModuleOptions['redis'];
}

const module = (options: RedisOptions) => options;
const alone = (options: RedisOptions) => hidden(new Redis({ ...options, failoverDetector: false }));
const detector = (options: RedisOptions) =>
  hidden(new Redis({ ...options, failoverDetector: true }));

const WAYS: Way[] = [
  { name: 'ioredis', replicas: 1, minReplicas: 0, redis: alone },
  { name: 'ioredis, failoverDetector', replicas: 1, minReplicas: 0, redis: detector },
  { name: 'the module', replicas: 1, minReplicas: 0, redis: module },
  { name: 'ioredis', replicas: 1, minReplicas: 1, redis: alone },
  { name: 'ioredis, failoverDetector', replicas: 2, minReplicas: 1, redis: detector },
  { name: 'the module', replicas: 2, minReplicas: 1, redis: module },
];

/**
 * A client for which the module does nothing about failovers: its options name no Sentinels, and it
 * claims to be connected to a master.
 */
function hidden(client: Redis): Redis {
  client.on('error', () => undefined);
  return new Proxy(client, {
    get(target, name) {
      if (name === 'options') return { ...target.options, sentinels: undefined };
      if (name === 'role') return async () => ['master'];
      const value: unknown = Reflect.get(target, name);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

interface Figures {
  signIns: number;
  signInsLost: number;
  revocations: number;
  revocationsUndone: number;
  /** The longest time in which no change was answered (ms). */
  pause: number;
}

async function round({ replicas, minReplicas, redis }: Way): Promise<Figures> {
  const config = { 'min-replicas-to-write': String(minReplicas), 'min-replicas-max-lag': '2' };
  const servers = await startRedisSentinel({ replicas, config });
  try {
    const sentinels = servers.sentinels.map(({ port }) => ({ host: '127.0.0.1', port }));
    const connection = { name: servers.name, sentinels };
    const client = redis(connection);
    const answered = await withSessions(client, (sessions) =>
      callThroughFailover(sessions, servers),
    );
    if (client instanceof Redis) client.disconnect();
    // Through another client, which only knows what Sentinel says now.
    return await withSessions(connection, (sessions) => count(answered, sessions));
  } finally {
    await servers.stop();
  }
}

async function withSessions<T>(
  redis: SessionModuleOptions['redis'],
  work: (sessions: SessionService) => Promise<T>,
): Promise<T> {
  const options = { redis, audit: { worker: false } };
  const logger = ['error'] as const;
  const context = await NestFactory.createApplicationContext(SessionModule.forRoot(options), {
    logger: [...logger],
  });
  try {
    return await work(context.get(SessionService));
  } finally {
    await context.close();
  }
}

interface Answered {
  created: string[];
  ended: string[];
  /** When changes were answered (ms). */
  moments: number[];
}

async function callThroughFailover(
  sessions: SessionService,
  servers: PrivateSentinel,
): Promise<Answered> {
  const answered: Answered = { created: [], ended: [], moments: [] };
  let user = 0;
  const create = async () => {
    user += 1;
    return (await sessions.createSession({ userId: userIdOf(user), client: clientOf(user) })).id;
  };
  const earlier: string[] = [];
  await forEachOf(EARLIER, 64, async () => void earlier.push(await create()));
  const revoke = async () => {
    const id = earlier.pop()!;
    await sessions.destroySession(id);
    return id;
  };
  const stopping = new AbortController();
  const loop = async (call: () => Promise<string>, done: string[]) => {
    while (!stopping.signal.aborted) {
      const id = await call().catch(() => null);
      if (id !== null) {
        done.push(id);
        answered.moments.push(performance.now());
      }
      await delay(PAUSE);
    }
  };
  const loops = Array.from({ length: LOOPS }, (_, i) =>
    i % 2 === 0 ? loop(create, answered.created) : loop(revoke, answered.ended),
  );
  await delay(BEFORE);
  await servers.failOver();
  await untilReplica(servers.servers[0]!.url);
  await delay(AFTER);
  stopping.abort();
  await Promise.all(loops);
  return answered;
}

/** Sentinel demotes the old master some ten seconds after the failover. Until then, it confirms changes. */
async function untilReplica(url: string): Promise<void> {
  const node = new Redis(url, { disconnectTimeout: 0 });
  node.on('error', () => undefined);
  while ((await node.role())[0] !== 'slave') await delay(50);
  node.disconnect();
}

async function count(
  { created, ended, moments }: Answered,
  sessions: SessionService,
): Promise<Figures> {
  const valid = async (ids: string[]) => {
    let found = 0;
    await forEachOf(ids.length, 64, async (i) => {
      if (await sessions.validateSession(ids[i]!)) found += 1;
    });
    return found;
  };
  const pauses = moments.slice(1).map((moment, i) => moment - moments[i]!);
  return {
    signIns: created.length,
    signInsLost: created.length - (await valid(created)),
    revocations: ended.length,
    revocationsUndone: await valid(ended),
    pause: Math.max(...pauses),
  };
}

function line(way: Way, rounds: Figures[]): string {
  const show = (name: keyof Figures) => {
    const { median, min, max } = spreadOf(rounds.map((figures) => figures[name]));
    return `${Math.round(median)} (${Math.round(min)} – ${Math.round(max)})`.padStart(24);
  };
  const columns = ['signIns', 'signInsLost', 'revocations', 'revocationsUndone', 'pause'] as const;
  return (
    way.name.padEnd(28) +
    `${way.replicas} / ${way.minReplicas}`.padEnd(8) +
    columns.map(show).join('')
  );
}

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    json: { type: 'string' },
    quick: { type: 'boolean', default: false },
  },
});
const ways = values.quick ? WAYS.slice(2, 3) : WAYS;
const rounds = values.quick ? 1 : Number(values.rounds);
const results: Figures[][] = ways.map(() => []);
// Alternating, so that other load on the machine affects all of them alike.
for (let n = 0; n < rounds; n += 1) {
  for (const [i, way] of ways.entries()) results[i]!.push(await round(way));
}
const rows = ways.map(({ name, replicas, minReplicas }, i) => ({
  name,
  replicas,
  minReplicas,
  rounds: results[i]!,
}));
if (values.json) await writeFile(values.json, `${JSON.stringify({ rows }, null, 2)}\n`);
const headings = ['sign-ins', 'lost', 'revocations', 'undone', 'longest pause (ms)'];
console.log(
  'connected by'.padEnd(28) +
    'r / min'.padEnd(8) +
    headings.map((each) => each.padStart(24)).join(''),
);
ways.forEach((way, i) => console.log(line(way, results[i]!)));
