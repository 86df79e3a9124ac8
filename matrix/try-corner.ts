import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { join } from 'node:path';

import { Client } from 'pg';

import { startCommand, type Child } from '../dev/child-process.js';
import { startRedis, type PrivatePostgres, type PrivateServer } from '../dev/index.js';
import { createApplication } from './application-folder.js';
import type { Corner } from './corners.js';
import { npmInstall } from './packed.js';
import { runTool } from './run-tool.js';

/** A step of a corner and why it failed; null if it passed. */
export interface StepResult {
  step: Step;
  error: string | null;
}

export type Step = keyof typeof STEPS;

/** A corner's application, and the servers that it uses. */
interface Site {
  corner: Corner;
  folder: string;
  redis: PrivateServer;
  env: Record<string, string>;
}

/** How long the application may take to stop while Redis is down (ms). */
const STOP_LIMIT = 15_000;

/** What is tried in each corner, in this order. */
const STEPS = {
  /** No `--legacy-peer-deps`, no conflict, and one copy of each peer that the package imports. */
  async installs({ folder }: Site) {
    await npmInstall(folder, '--strict-peer-deps');
    await runTool('npm', ['ls'], folder);
  },
  async compiles({ folder }: Site) {
    await typescript(folder);
  },
  /** Under the other way to look up declarations that is usual for this kind of module. */
  async 'resolves types'({ corner, folder }: Site) {
    await typescript(folder, '--noEmit', ...otherResolution(corner));
  },
  async 'loads both ways'({ folder }: Site) {
    for (const first of ['import', 'require'])
      await runTool('node', ['both-ways.mjs', first], folder);
  },
  /** Sign-in, guard, revocation and verification: see `application/main.ts`. Then asks SQL. */
  async runs(site: Site) {
    const application = startCommand('node', [join('out', 'main.js')], {
      cwd: site.folder,
      env: { ...process.env, ...site.env },
    });
    try {
      await application.waitForOutput(/the application ran/);
      await checkRecord(site.env.DATABASE_URL!);
      await checkCommandLine(site);
      await checkShutdown(site, application);
    } finally {
      await application.kill();
    }
  },
};

/** Tries a corner in a new folder, up to the first step that fails. */
export async function tryCorner(
  corner: Corner,
  tarball: string,
  postgres: PrivatePostgres,
): Promise<StepResult[]> {
  const folder = createApplication(corner, tarball);
  const redis = await startRedis();
  const DATABASE_URL = await postgres.createDatabase(`corner_${(databases += 1)}`);
  const site = { corner, folder, redis, env: { REDIS_URL: redis.url, DATABASE_URL } };
  try {
    return await runSteps(site);
  } finally {
    await redis.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

let databases = 0;

async function runSteps(site: Site): Promise<StepResult[]> {
  const results: StepResult[] = [];
  for (const step of Object.keys(STEPS) as Step[]) {
    try {
      await STEPS[step](site);
      results.push({ step, error: null });
    } catch (error) {
      return [...results, { step, error: (error as Error).message }];
    }
  }
  return results;
}

async function typescript(folder: string, ...options: string[]): Promise<void> {
  await runTool('node', [join('node_modules', 'typescript', 'bin', 'tsc'), ...options], folder);
}

function otherResolution({ type, packages }: Corner): string[] {
  if (type === 'module') return ['--module', 'esnext', '--moduleResolution', 'bundler'];
  // TypeScript 6 still supports the old resolution, but wants to be told that this is known.
  const known = packages.typescript!.startsWith('5') ? [] : ['--ignoreDeprecations', '6.0'];
  return ['--module', 'commonjs', '--moduleResolution', 'node10', ...known];
}

async function checkRecord(url: string): Promise<void> {
  const client = new Client(url);
  await client.connect();
  const { rows } = await client
    .query('SELECT user_id, end_reason FROM sessions')
    .finally(() => client.end());
  assert.deepEqual(rows, [{ user_id: 'ada', end_reason: 'revoked' }]);
}

async function checkCommandLine({ folder, env }: Site): Promise<void> {
  const output = await runTool('npx', ['session-ledger', 'verify', '--json'], folder, env);
  assert.equal((JSON.parse(output) as { valid: boolean }).valid, true, output);
}

/** A worker of BullMQ 5 whose connection is lost while it closes would never end: `src/compat.ts`. */
async function checkShutdown({ redis }: Site, application: Child): Promise<void> {
  await redis.kill();
  const inTime = await application.stop(STOP_LIMIT);
  assert.ok(inTime, `Without Redis, the application did not stop within ${STOP_LIMIT} ms.`);
}
