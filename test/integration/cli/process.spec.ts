import { cp, mkdir, rm } from 'node:fs/promises';
import { execFile, spawn } from 'node:child_process';
import { promisify } from 'node:util';
import { fileURLToPath } from 'node:url';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { eventually } from '../../support/eventually.js';
import { useOperator } from './use-operator.js';

const project = fileURLToPath(new URL('../../..', import.meta.url));
/** A separate build, inside the project so that Node finds the dependencies. */
const built = `${project}build/cli-spec-${process.pid}`;

describe('session-ledger as a process', () => {
  const operator = useOperator();

  beforeAll(async () => {
    await mkdir(built, { recursive: true });
    const build = `${project}dev/build-package.mjs`;
    await promisify(execFile)(process.execPath, [build, `${built}/dist`]);
    await cp(`${project}package.json`, `${built}/package.json`);
  }, 180_000);
  afterAll(() => rm(built, { recursive: true, force: true }));

  interface Ended {
    code: number | null;
    stdout: string;
    stderr: string;
    /** (ms) */
    took: number;
  }

  /** Starts the process and waits for its exit. */
  async function start(
    args: string[],
    env: NodeJS.ProcessEnv = {},
    readAll = true,
  ): Promise<Ended> {
    const from = performance.now();
    const child = spawn(process.execPath, [`${built}/dist/cli/main.js`, ...args], {
      env: { PATH: process.env.PATH, ...operator.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let [stdout, stderr] = ['', ''];
    child.stderr.on('data', (data) => (stderr += String(data)));
    if (readAll) child.stdout.on('data', (data) => (stdout += String(data)));
    else child.stdout.destroy(); // as `| head -0` does
    const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
    return { code, stdout, stderr, took: performance.now() - from };
  }

  it('flushes, verifies, and exits at once', async () => {
    await operator.sessions.createSession({ userId: 'ann' });

    const flushed = await start(['flush', '--json']);
    const verified = await start(['verify']);

    expect(JSON.parse(flushed.stdout)).toEqual({ recorded: 1, deadLettered: 0 });
    expect(verified.stdout).toBe('Verified 1 row: none was changed, removed or inserted.\n');
    expect([flushed.code, verified.code]).toEqual([0, 0]);
    // Nothing delays the exit: it takes about as long as --help, which only loads the program.
    const help = await start(['--help']);
    expect(verified.took).toBeLessThan(help.took + 5_000);
  });

  it('returns its exit codes to the shell', async () => {
    const codes = await Promise.all([
      start(['--help']),
      start(['nonsense']),
      start(['verify'], { DATABASE_URL: 'postgres://127.0.0.1:1/x' }),
      start(['flush'], { REDIS_URL: 'redis://127.0.0.1:1' }),
    ]);

    expect(codes.map(({ code }) => code)).toEqual([0, 2, 3, 3]);
  });

  it('exits with 1 and prints only JSON on standard output if it finds problems', async () => {
    await operator.redis.xadd(`${operator.env.SESSION_PREFIX}:{0}:o`, '*', 'not', 'ours');

    const { code, stdout, stderr } = await start(['flush', '--json']);

    expect({ code, stderr }).toEqual({ code: 1, stderr: '' });
    expect(JSON.parse(stdout)).toEqual({ recorded: 0, deadLettered: 1 });
  });

  it('prints no error if the reader closes the pipe', async () => {
    const { stderr } = await start(['--help'], {}, false);

    expect(stderr).toBe('');
  });

  it('exits with 3 if Postgres is killed during a command', async () => {
    const { postgres } = operator.servers;
    await operator.client.query('BEGIN; LOCK TABLE session_events IN ACCESS EXCLUSIVE MODE');
    const running = start(['verify']);
    await eventually(async () => {
      const { rows } = await operator.client.query('SELECT FROM pg_locks WHERE NOT granted');
      expect(rows.length).toBeGreaterThan(0);
    });
    await postgres.kill();
    try {
      const { code, stderr } = await running;

      expect(stderr).toContain('is unavailable');
      expect(code).toBe(3);
    } finally {
      await postgres.restart();
    }
  });
});
