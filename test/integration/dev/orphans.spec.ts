import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { transformFile } from '@swc/core';
import { Redis } from 'ioredis';
import { startPostgres, startRedis } from '../../../dev/index.js';
import { childrenOf, isRunning } from '../../../dev/process-table.js';
import { sharedMemoryOf } from './shared-memory.js';
import { until } from './until.js';

const START_SERVERS = `
import { Client } from 'pg';
import { Redis } from 'ioredis';
import { startPostgres, startRedis } from './dev/index.js';
const redis = await startRedis();
const postgres = await startPostgres();
const client = new Client({ connectionString: postgres.url });
client.on('error', () => {});
await client.connect();
const print = (message) => console.log(JSON.stringify(message));
`;

const START_CHILDREN = `
import { writeFileSync } from 'node:fs';
import { startCommand, startProgram } from './dev/child-process.js';
const file = new URL('./child.js', import.meta.url);
writeFileSync(file, "import { serveCalls } from './dev/child-calls.js';" +
  "serveCalls({ block: async () => { for (;;); } });");
const idle = startProgram(file);
const blocked = startProgram(file);
const frozen = startProgram(file);
const command = startCommand('/bin/sh', ['-c', 'sleep 600 & wait']);
await Promise.all([idle.ready(), blocked.ready(), frozen.ready()]);
blocked.call('block').catch(() => {});
frozen.signal('SIGSTOP');
console.log(JSON.stringify([idle.pid, blocked.pid, frozen.pid, command.pid]));
`;

let project: string;
let temporary: string;

// The tests kill a process that has started servers, which can't be jest's. So they run one from a small
// JavaScript project.
beforeAll(async () => {
  project = mkdtempSync(join(tmpdir(), 'starter-'));
  mkdirSync(join(project, 'dev'));
  const sources = readdirSync('dev').filter((file) => file.endsWith('.ts'));
  for (const file of sources) {
    const { code } = await transformFile(join('dev', file), {
      jsc: { target: 'es2022', parser: { syntax: 'typescript' } },
      module: { type: 'es6' },
    });
    writeFileSync(join(project, 'dev', `${basename(file, '.ts')}.js`), code);
  }
  writeFileSync(join(project, 'package.json'), '{ "type": "module" }');
  symlinkSync(join(process.cwd(), 'node_modules'), join(project, 'node_modules'));
});

beforeEach(() => {
  temporary = mkdtempSync(join(tmpdir(), 'starter-tmp-'));
});

afterAll(() => rmSync(project, { recursive: true }));

/** Runs the script and returns the numbers that it prints. */
async function starter(script: string): Promise<{ child: ChildProcess; printed: number[] }> {
  const file = join(project, 'start.js');
  writeFileSync(file, script);
  const child = spawn(process.execPath, [file], {
    env: { ...process.env, TMPDIR: temporary },
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
  });
  const [line] = (await once(child.stdout!, 'data')) as [Buffer];
  return { child, printed: JSON.parse(line.toString()) };
}

async function gone(pids: number[]): Promise<void> {
  await until(() => !pids.some(isRunning));
  await until(() => readdirSync(temporary).length === 0);
  expect(sharedMemoryOf(pids)).toEqual([]);
  rmSync(temporary, { recursive: true });
}

describe('the servers of a process that ends', () => {
  test.each([
    ['running', ''],
    ['paused', 'redis.pause(); postgres.pause();'],
    ['killed', 'await redis.kill(); await postgres.kill();'],
    ['restarted', 'await redis.restart(); await postgres.restart();'],
  ])('%s servers end if their starter is killed, without leaving folders', async (_, before) => {
    const { child, printed } = await starter(
      `${START_SERVERS} ${before} print([redis.pid, postgres.pid]); setInterval(() => {}, 1_000);`,
    );
    const family = [...printed, ...printed.flatMap(childrenOf)];
    expect(readdirSync(temporary)).toHaveLength(2);
    child.kill('SIGKILL');
    await gone(family);
  });

  test('servers of a killed starter release a kept folder and its port at once', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'kept-'));
    const config = { appendonly: 'yes', appendfsync: 'always' };
    const { child, printed } = await starter(`${START_SERVERS}
      const kept = await startRedis({ dir: ${JSON.stringify(join(dir, 'redis'))}, config: ${JSON.stringify(config)} });
      const alsoKept = await startPostgres({ dir: ${JSON.stringify(join(dir, 'postgres'))} });
      await new Redis(kept.url).set('kept', 'yes');
      await alsoKept.createDatabase('kept');
      print([kept.port, alsoKept.port]);
    `);
    child.kill('SIGKILL');
    const [redis, postgres] = await Promise.all([
      startRedis({ dir: join(dir, 'redis'), port: printed[0], config }),
      startPostgres({ dir: join(dir, 'postgres'), port: printed[1] }),
    ]);
    const client = new Redis(redis.url);
    expect(await client.get('kept')).toBe('yes');
    await expect(postgres.createDatabase('kept')).rejects.toThrow('already exists');
    client.disconnect();
    await Promise.all([redis.stop(), postgres.stop()]);
    rmSync(dir, { recursive: true });
    await gone([]);
  });

  test('servers end if their starter ends without stopping them, without leaving folders', async () => {
    const { child, printed } = await starter(
      START_SERVERS + 'print([redis.pid, postgres.pid]); process.exit();',
    );
    await until(() => child.exitCode !== null);
    await gone(printed);
  });

  test('servers do not keep their starter alive', async () => {
    const { child, printed } = await starter(
      START_SERVERS + 'await client.end(); print([redis.pid, postgres.pid]);',
    );
    await until(() => child.exitCode !== null);
    expect(child.exitCode).toBe(0);
    await gone(printed);
  });

  test('servers stay available while an interrupted starter shuts down', async () => {
    const { child, printed } = await starter(`${START_SERVERS}
      process.on('SIGINT', async () => {
        await client.query('SELECT 1');
        await client.end();
        const other = new Redis(redis.url);
        await other.ping();
        other.disconnect();
        await Promise.all([redis.stop(), postgres.stop()]);
        process.exit(7);
      });
      print([redis.pid, postgres.pid]);
      setInterval(() => {}, 1_000);
    `);
    process.kill(-child.pid!, 'SIGINT'); // to the whole group, as a terminal does
    await until(() => child.exitCode !== null);
    expect(child.exitCode).toBe(7);
    await gone(printed);
  });
});

describe('the child processes of a process that ends', () => {
  test('child processes end if their starter is killed, even blocked or frozen ones', async () => {
    const { child, printed } = await starter(START_CHILDREN);
    const family = [...printed, ...printed.flatMap(childrenOf)];
    expect(family.every(isRunning)).toBe(true);
    child.kill('SIGKILL');
    await gone(family);
  });

  test('child processes end if their starter ends without stopping them', async () => {
    const { child, printed } = await starter(`${START_CHILDREN} process.exit();`);
    const family = [...printed, ...printed.flatMap(childrenOf)];
    await until(() => child.exitCode !== null);
    await gone(family);
  });

  test('child processes do not keep their starter alive', async () => {
    const { child, printed } = await starter(`
    import { startCommand } from './dev/child-process.js';
    console.log(JSON.stringify([startCommand('/bin/sh', ['-c', 'sleep 600 & wait']).pid]));
  `);
    await until(() => child.exitCode !== null);
    expect(child.exitCode).toBe(0);
    await gone(printed);
  });
});
