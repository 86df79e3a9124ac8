import { setTimeout as delay } from 'node:timers/promises';

import { Redis } from 'ioredis';
import type { Incident, Session, SessionAudit } from 'nest-session-ledger';

import { startPostgres, startRedis, type PrivateServer } from '../dev/index.js';
import { openApplication, type Application } from './contenders/application.js';
import { forEachOf } from './harness/closed-loop.js';
import { clientOf, userIdOf } from './harness/sample-data.js';
import { redisInfo } from './harness/servers.js';
import { showProgress } from './harness/terminal.js';

// Redis goes back to a state that lacks the last events, under many live sessions. Measures how long it
// takes until all of them are made good, and counts Redis's commands: they have to follow the number of
// events that were lost, and not the number of sessions that live.

const SESSIONS = Number(process.argv[2] ?? 1_000_000);
const EVENTS = Number(process.argv[3] ?? 1_000);
const CONCURRENCY = 128;
/** For the commands that a worker sends in any case (ms). */
const IDLE = 10_000;

const redis = await startRedis();
const postgres = await startPostgres();
try {
  await measure(redis, postgres.url);
} finally {
  await Promise.all([redis.stop(), postgres.stop()]);
}

async function measure(server: PrivateServer, databaseUrl: string): Promise<void> {
  const urls = { redisUrl: server.url, databaseUrl };
  const app = await openApplication(urls, true, { redisTimeout: 5_000 });
  showProgress(`rollback: creating ${SESSIONS} sessions`);
  const toEnd = await createSessions(app, SESSIONS, Math.floor(EVENTS / 2));
  await snapshot(server.url);
  showProgress(`rollback: ${EVENTS} events`);
  await forEachOf(toEnd.length, CONCURRENCY, (i) => app.sessions.destroySession(toEnd[i]!.id));
  await createSessions(app, EVENTS - toEnd.length, 0);

  showProgress('rollback: Redis restarts from the older state');
  await server.kill();
  const earlier = (await app.audit.incidents({ limit: 1 }))[0]!.seq;
  await server.restart();
  const start = performance.now();
  await untilEnded(app, toEnd);
  const ended = performance.now() - start;
  const mended = await untilMended(app.audit, earlier);
  const seconds = (performance.now() - start) / 1_000;
  const commands = await commandsOf(server.url);
  const idle = await idleCommands(server.url, seconds);

  console.log(`\nlive sessions                      ${SESSIONS}`);
  console.log(`events that Redis lost             ${EVENTS}`);
  console.log(`ended sessions refused again after ${(ended / 1_000).toFixed(1)} s`);
  console.log(`everything mended after            ${seconds.toFixed(1)} s`);
  console.log(`ended again, lost                  ${mended.endedAgain}, ${mended.lost}`);
  console.log('Redis commands, and those of as long a time without a rollback:');
  for (const [name, calls] of Object.entries(commands)) {
    console.log(`  ${name.padEnd(32)} ${calls} (${Math.round(idle[name] ?? 0)})`);
  }
  await app.context.close();
}

/** Creates sessions and waits until they are recorded. Returns the first `kept`. */
async function createSessions(
  { sessions, audit }: Application,
  count: number,
  kept: number,
): Promise<Session[]> {
  const first: Session[] = [];
  await forEachOf(count, CONCURRENCY, async (i) => {
    const session = await sessions.createSession({ userId: userIdOf(i), client: clientOf(i) });
    if (i < kept) first.push(session);
  });
  await audit.flush();
  return first;
}

async function snapshot(url: string): Promise<void> {
  const client = new Redis(url);
  await client.save();
  client.disconnect();
}

async function untilEnded({ sessions }: Application, ended: Session[]): Promise<void> {
  for (const { id } of ended) {
    while ((await sessions.validateSession(id).catch(() => 'unavailable')) !== null)
      await delay(20);
  }
}

/** Waits until every chain with a rollback is mended. Returns the sums of what was done. */
async function untilMended(audit: SessionAudit, earlier: string) {
  for (;;) {
    const incidents = await newIncidents(audit, earlier);
    const rollbacks = incidents.filter(({ kind }) => kind === 'rollback').length;
    const mended = incidents.filter(({ kind }) => kind === 'rollback-mended');
    if (rollbacks > 0 && mended.length === rollbacks) {
      const sum = (name: string) =>
        mended.reduce((total, { details }) => total + Number(details[name]), 0);
      return { endedAgain: sum('endedAgain'), lost: sum('lost') };
    }
    await delay(50);
  }
}

async function newIncidents(audit: SessionAudit, earlier: string): Promise<Incident[]> {
  const found = await audit.incidents({ limit: 1_000 + EVENTS });
  return found.filter(({ seq }) => BigInt(seq) > BigInt(earlier));
}

/** Calls of each command since the server started, without those of the measurement itself. */
async function commandsOf(url: string): Promise<Record<string, number>> {
  const stats = await redisInfo(url, 'commandstats');
  const calls = Object.entries(stats).map(([name, text]): [string, number] => [
    name.replace('cmdstat_', ''),
    Number(/calls=(\d+)/.exec(text)![1]),
  ]);
  const counted = calls.filter(([name]) => !/^(mget|getex|info|hello|client)/.test(name));
  return Object.fromEntries(counted.toSorted(([, a], [, b]) => b - a).slice(0, 16));
}

async function idleCommands(url: string, seconds: number): Promise<Record<string, number>> {
  const before = await commandsOf(url);
  await delay(IDLE);
  const after = await commandsOf(url);
  const share = (seconds * 1_000) / IDLE;
  return Object.fromEntries(
    Object.entries(after).map(([name, calls]) => [name, (calls - (before[name] ?? 0)) * share]),
  );
}
