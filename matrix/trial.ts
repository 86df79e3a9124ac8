import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';

import { Client } from 'pg';

import { startCommand } from '../dev/child-process.js';
import { startRedis, type PrivatePostgres, type PrivateServer } from '../dev/index.js';
import { createApplication } from './application-folder.js';
import type { Corner } from './corners.js';

/** One application, and what is tried with it, in this order. */
export interface Trial {
  name: string;
  corner: Corner;
  steps: Record<string, (site: Site) => Promise<void>>;
}

/** A trial's application, and the servers that it uses. */
export interface Site {
  corner: Corner;
  folder: string;
  redis: PrivateServer;
  /** Where the application and the command line find the servers. */
  env: Record<string, string>;
}

/** A step, and why it failed; null if it passed. */
export interface StepResult {
  step: string;
  error: string | null;
}

/** How long the application may take to stop while Redis is down (ms). */
const STOP_LIMIT = 20_000;

/** Runs a trial in a new folder outside the project, up to the first step that fails. */
export async function runTrial(
  { corner, steps }: Trial,
  tarball: string,
  postgres: PrivatePostgres,
): Promise<StepResult[]> {
  const folder = createApplication(corner, tarball);
  const redis = await startRedis();
  const DATABASE_URL = await postgres.createDatabase(`trial_${(databases += 1)}`);
  const site = { corner, folder, redis, env: { REDIS_URL: redis.url, DATABASE_URL } };
  try {
    return await runSteps(steps, site);
  } finally {
    await redis.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

let databases = 0;

async function runSteps(steps: Trial['steps'], site: Site): Promise<StepResult[]> {
  const results: StepResult[] = [];
  for (const [step, run] of Object.entries(steps)) {
    try {
      await run(site);
      results.push({ step, error: null });
    } catch (error) {
      return [...results, { step, error: (error as Error).message }];
    }
  }
  return results;
}

/**
 * Runs the application, which tries sign-in, guard, revocation and verification (`application/main.ts`),
 * and checks what it recorded and that it stops.
 */
export async function runApplication(
  { env, redis, folder }: Site,
  [command = '', ...args]: string[],
  cwd = folder,
): Promise<void> {
  const application = startCommand(command, args, { cwd, env: { ...process.env, ...env } });
  try {
    await application.waitForOutput(/the application ran/);
    await checkRecord(env.DATABASE_URL!);
    // A worker of BullMQ 5 whose connection is lost while it closes would never end: `src/compat.ts`.
    await redis.kill();
    const inTime = await application.stop(STOP_LIMIT);
    assert.ok(inTime, `Without Redis, the application did not stop within ${STOP_LIMIT} ms.`);
  } finally {
    await application.kill();
  }
}

async function checkRecord(url: string): Promise<void> {
  const client = new Client(url);
  await client.connect();
  const { rows } = await client
    .query('SELECT user_id, end_reason FROM sessions')
    .finally(() => client.end());
  assert.deepEqual(rows, [{ user_id: 'ada', end_reason: 'revoked' }]);
}
