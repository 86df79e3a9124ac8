import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import { freePort } from '../../../dev/free-port.js';
import { eventually } from '../../support/eventually.js';
import { freshCopy, processesWithin } from './fresh-copy.js';
import { startProcess, type StartedProcess } from './started-process.js';

const READY = /Ctrl-C stops everything/;
/** A command, and above it what it is for. */
const COMMAND = /^ {2}# (.+)\n {2}(.+)$/gm;

let folder: string;
let port: number;
const started: StartedProcess[] = [];

beforeAll(async () => {
  folder = freshCopy();
  port = await freePort();
});

async function killAll(): Promise<void> {
  for (const { signal } of started) signal('SIGKILL');
  await Promise.all(started.map(({ ended }) => ended));
}

afterAll(async () => {
  await killAll();
  rmSync(folder, { recursive: true, force: true });
});

/** As in a terminal of its own: without what npm and the test runner set for theirs. */
function environment(more: Record<string, string> = {}): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(
    ([name]) => !/^(npm_(?!config_)|NODE_OPTIONS$|JEST_|REDIS_URL$|DATABASE_URL$|HOST$)/.test(name),
  );
  return { ...Object.fromEntries(kept), PORT: String(port), ...more };
}

function npmStart(more?: Record<string, string>, ...options: string[]): StartedProcess {
  return run('npm', ['start', ...options], more);
}

/** What is built already, at once. */
function start(more?: Record<string, string>): StartedProcess {
  return run(process.execPath, ['build/demo/main.js'], more);
}

function run(file: string, args: string[], more?: Record<string, string>): StartedProcess {
  const running = startProcess(file, args, { cwd: folder, env: environment(more) });
  started.push(running);
  return running;
}

/** Pastes a command that was printed. */
function paste(output: string, what: string): string {
  const commands = new Map([...output.matchAll(COMMAND)].map(([, name, line]) => [name, line!]));
  const command = commands.get(what);
  if (!command) throw new Error(`No command for '${what}' in:\n${output}`);
  return execFileSync('sh', ['-c', command], { cwd: folder, encoding: 'utf8', env: environment() });
}

/** What the demo itself said: npm names the scripts that it runs, and may have something to say. */
function clearLines({ output }: { output: string }): string[] {
  return output.split('\n').filter((line) => line.trim() !== '' && !/^(>|npm) /.test(line));
}

describe('npm start', () => {
  let demo: StartedProcess;
  afterAll(killAll); // what failed here is none of the next ones' business

  test('starts a fresh copy, and each command that it prints does what it says', async () => {
    demo = npmStart();
    await demo.says(READY);
    const { output } = demo;
    expect(output).toContain(`http://localhost:${port}`);
    expect([...output.matchAll(COMMAND)].map(([, what]) => what)).toEqual([
      'sign in',
      'your devices',
      'sign out',
      'signed out: 401',
      'the trail',
      'whether anybody has touched it',
    ]);

    expect(JSON.parse(paste(output, 'sign in'))).toMatchObject({ name: 'Ada' });
    expect(JSON.parse(paste(output, 'your devices'))).toMatchObject([
      { name: 'curl', address: '127.0.0.1', isCurrent: true },
    ]);
    expect(paste(output, 'sign out')).toBe('');
    expect(JSON.parse(paste(output, 'signed out: 401'))).toMatchObject({
      statusCode: 401,
      code: 'ERR_SESSION_REQUIRED',
    });
    await eventually(async () => {
      expect(paste(output, 'the trail')).toMatch(/destroyed.*logout[^]*created/);
    });
    expect(paste(output, 'whether anybody has touched it')).toBe(
      'Verified 2 rows: none was changed, removed or inserted.\n',
    );
    // What is printed in place of psql on machines without it.
    const [, url] = /DATABASE_URL=(\S+)/.exec(output)!;
    const args = ['build/demo/starting/sql.js', url!, 'SELECT event FROM session_events'];
    const shown = execFileSync(process.execPath, args, { cwd: folder, encoding: 'utf8' });
    expect(shown).toContain('destroyed');
    paste(output, 'sign in'); // for the next run
  }, 240_000);

  test('says in one line that it runs already', async () => {
    const second = npmStart({ PORT: String(await freePort()) });
    const ending = await second.ended;
    expect(ending.code).toBe(1);
    expect(clearLines(ending)).toEqual([
      expect.stringMatching(
        `^The demo already runs at http://localhost:${port} \\(process \\d+\\)\\. Stop it with Ctrl-C there first\\.$`,
      ),
    ]);
    // The first one takes no harm from it.
    expect(JSON.parse(paste(demo.output, 'your devices'))).toHaveLength(1);
  }, 120_000);

  test('stops everything at Ctrl-C', async () => {
    demo.signal('SIGINT');
    const { output } = await demo.ended;
    expect(output).toContain('Stopped. The data stays for the next start.');
    expect(processesWithin(folder)).toEqual([]);
  });

  test('keeps its data, and ends with npm when that is told to', async () => {
    const again = npmStart({}, '--ignore-scripts'); // it is built already
    await again.says(READY);
    expect(JSON.parse(paste(again.output, 'your devices'))).toMatchObject([{ name: 'curl' }]);
    process.kill(again.pid, 'SIGTERM'); // npm alone, as a supervisor does it
    await again.ended;
    await eventually(async () => expect(processesWithin(folder)).toEqual([]));
  }, 180_000);

  test('stops at once at a second Ctrl-C, where the first one takes its time', async () => {
    const again = start();
    await again.says(READY);
    const [redis = ''] = processesWithin(folder).filter((line) => line.includes('redis-server'));
    process.kill(Number.parseInt(redis, 10), 'SIGSTOP'); // there is no orderly end without it
    again.signal('SIGINT');
    await again.says(/Stopping/);
    await delay(1_000);
    again.signal('SIGINT');
    const { code } = await again.ended;
    expect(code).toBe(130);
    await eventually(async () => expect(processesWithin(folder)).toEqual([]));
  }, 120_000);

  test('leaves nothing behind when it is interrupted while it starts', async () => {
    const early = start();
    await eventually(async () => expect(processesWithin(folder).length).toBeGreaterThan(1));
    early.signal('SIGINT');
    const { code } = await early.ended;
    expect(code).toBe(130);
    await eventually(async () => expect(processesWithin(folder)).toEqual([]));
  });
});

describe('npm start says in one line', () => {
  async function refusal(more: Record<string, string>): Promise<string[]> {
    const ending = await start(more).ended;
    expect(ending.code).toBe(1);
    expect(processesWithin(folder)).toEqual([]);
    return clearLines(ending);
  }

  test('that the port is taken', async () => {
    const other = await listen();
    const taken = String((other.address() as AddressInfo).port);
    const lines = await refusal({ PORT: taken }).finally(() => other.close());
    expect(lines).toEqual([
      `Port ${taken} is taken by another program. Choose another one: PORT=${Number(taken) + 1} npm start`,
    ]);
  });

  test('that PORT is none', async () => {
    expect(await refusal({ PORT: 'http' })).toEqual([
      'PORT is "http"; use a number from 0 to 65535.',
    ]);
  });

  test('that there is no Redis', async () => {
    expect(await refusal({ PATH: '/nowhere' })).toEqual([
      expect.stringMatching(/^Needed on PATH: redis-server or valkey-server, 7\.0 or newer/),
    ]);
  });

  test('that nobody answers at REDIS_URL or DATABASE_URL', async () => {
    const gone = await freePort();
    expect(await refusal({ REDIS_URL: `redis://127.0.0.1:${gone}` })).toEqual([
      `Redis at REDIS_URL doesn't answer: connect ECONNREFUSED 127.0.0.1:${gone}.`,
    ]);
    expect(await refusal({ DATABASE_URL: `postgres://localhost:${gone}/none` })).toEqual([
      expect.stringMatching(/^Postgres at DATABASE_URL doesn't answer: connect ECONNREFUSED/),
    ]);
  });
});

function listen(): Promise<Server> {
  return new Promise((resolve) => {
    const server = createServer();
    server.listen(0, '127.0.0.1', () => resolve(server));
  });
}
