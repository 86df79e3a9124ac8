import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';

import { startCommand, type Child } from '../../../dev/child-process.js';
import { freePort } from '../../../dev/free-port.js';
import { startPostgres, startRedis } from '../../../dev/index.js';
import { eventually } from '../../support/eventually.js';
import { freshCopy, processesWithin } from './fresh-copy.js';
import { HttpClient } from './http-client.js';

const READY = /Press Ctrl-C to stop/;
/** A printed command, with its title in the line above. */
const COMMAND = /^ {2}# (.+)\n {2}(.+)$/gm;
/** A printed account. */
const ACCOUNT = /^ {2}(\S+@example\.com) +(\S+)/gm;

let folder: string;
let port: number;
const started: Child[] = [];

beforeAll(async () => {
  folder = freshCopy();
  port = await freePort();
});

/** Also waits until the watchdogs have stopped the private servers. */
async function killAll(): Promise<void> {
  await Promise.all(started.map((child) => child.kill()));
  await eventually(async () => expect(processesWithin(folder)).toEqual([]), 30_000);
}

afterAll(async () => {
  await killAll();
  rmSync(folder, { recursive: true, force: true });
});

/** The environment of a new terminal, without the variables of npm and the test runner. */
function environment(more: Record<string, string> = {}): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(
    ([name]) => !/^(npm_(?!config_)|NODE_OPTIONS$|JEST_|REDIS_URL$|DATABASE_URL$|HOST$)/.test(name),
  );
  return { ...Object.fromEntries(kept), PORT: String(port), ...more };
}

function npmStart(more?: Record<string, string>, ...options: string[]): Child {
  return run('npm', ['start', ...options], more);
}

/** Starts the demo without building it again. */
function start(more?: Record<string, string>): Child {
  return run(process.execPath, ['build/demo/main.js'], more);
}

function run(file: string, args: string[], more?: Record<string, string>): Child {
  const child = startCommand(file, args, { cwd: folder, env: environment(more), timeout: 180_000 });
  started.push(child);
  return child;
}

/** Runs a printed command in a shell. */
function runPrinted(output: string, title: string): string {
  const commands = new Map([...output.matchAll(COMMAND)].map(([, name, line]) => [name, line!]));
  const command = commands.get(title);
  if (!command) throw new Error(`No command '${title}' in:\n${output}`);
  return execFileSync('sh', ['-c', command], { cwd: folder, encoding: 'utf8', env: environment() });
}

function printedAccounts(output: string): { email: string; password: string }[] {
  const accounts = [...output.matchAll(ACCOUNT)];
  return accounts.map(([, email, password]) => ({ email: email!, password: password! }));
}

/** The lines that the demo printed, without the ones from npm. */
function printedLines({ output }: { output: string }): string[] {
  return output.split('\n').filter((line) => line.trim() !== '' && !/^(>|npm) /.test(line));
}

describe('npm start', () => {
  let demo: Child;
  afterAll(killAll); // a failed test leaves nothing running for the next ones

  test('starts the demo in a fresh clone, and prints commands that work', async () => {
    demo = npmStart();
    await demo.waitForOutput(READY);
    const { output } = demo;
    expect(output).toContain(`http://localhost:${port}`);
    expect([...output.matchAll(COMMAND)].map(([, title]) => title)).toEqual([
      'sign in',
      'list your devices',
      'sign out',
      'use the ended session: 401',
      'read the ledger',
      'verify the ledger',
    ]);

    expect(JSON.parse(runPrinted(output, 'sign in'))).toMatchObject({ name: 'Ada' });
    expect(JSON.parse(runPrinted(output, 'list your devices'))).toMatchObject([
      { name: 'curl', address: '127.0.0.1', isCurrent: true },
    ]);
    expect(runPrinted(output, 'sign out')).toBe('');
    expect(JSON.parse(runPrinted(output, 'use the ended session: 401'))).toMatchObject({
      statusCode: 401,
      code: 'ERR_SESSION_REQUIRED',
    });
    await eventually(async () => {
      expect(runPrinted(output, 'read the ledger')).toMatch(/destroyed.*logout[^]*created/);
    });
    expect(runPrinted(output, 'verify the ledger')).toMatch(/\b2 rows\b/);
    // Printed instead of psql on machines that don't have it.
    const [, url] = /DATABASE_URL=(\S+)/.exec(output)!;
    const args = ['build/demo/startup/sql.js', url!, 'SELECT event FROM session_events'];
    const table = execFileSync(process.execPath, args, { cwd: folder, encoding: 'utf8' });
    expect(table).toContain('destroyed');
    runPrinted(output, 'sign in'); // for the test of kept data
  }, 240_000);

  test('prints random passwords, and offers the same on the sign-in page', async () => {
    const printed = printedAccounts(demo.output);
    expect(printed.map(({ email }) => email.split('@')[0])).toEqual(['ada', 'grace', 'admin']);
    for (const { password } of printed) expect(password).toMatch(/^\w{4}(-\w{4}){3}$/);
    expect(new Set(printed.map(({ password }) => password)).size).toBe(3);
    const client = new HttpClient(() => `http://localhost:${port}`);
    expect(await client.read('/demo-accounts')).toMatchObject(printed);
  });

  test('fails if the demo is already running, and says where', async () => {
    const second = npmStart({ PORT: String(await freePort()) });
    const ending = await second.ended;
    expect(ending.code).toBe(1);
    expect(printedLines(ending)).toEqual([
      expect.stringMatching(
        `^The demo is already running at http://localhost:${port} \\(process \\d+\\)\\. Stop it with Ctrl-C first\\.$`,
      ),
    ]);
    // The running demo is not affected.
    expect(JSON.parse(runPrinted(demo.output, 'list your devices'))).toHaveLength(1);
  }, 120_000);

  test('stops the demo and its servers on Ctrl-C', async () => {
    demo.signal('SIGINT');
    const { output } = await demo.ended;
    expect(output).toContain('Stopped. The data is kept for the next start.');
    expect(processesWithin(folder)).toEqual([]);
  });

  test('keeps sessions and passwords between starts, and stops if only npm is terminated', async () => {
    const again = npmStart({}, '--ignore-scripts'); // skips the build
    await again.waitForOutput(READY);
    expect(printedAccounts(again.output)).toEqual(printedAccounts(demo.output));
    expect(JSON.parse(runPrinted(again.output, 'list your devices'))).toMatchObject([
      { name: 'curl' },
    ]);
    process.kill(again.pid, 'SIGTERM'); // only npm, as a supervisor does
    await again.ended;
    await eventually(async () => expect(processesWithin(folder)).toEqual([]));
  }, 180_000);

  test('stops at once on a second Ctrl-C if the orderly stop takes too long', async () => {
    const again = start();
    await again.waitForOutput(READY);
    const [redis = ''] = processesWithin(folder).filter((line) => line.includes('redis-server'));
    process.kill(Number.parseInt(redis, 10), 'SIGSTOP'); // the orderly stop waits for it
    again.signal('SIGINT');
    await again.waitForOutput(/Stopping/);
    await delay(1_000);
    again.signal('SIGINT');
    const { code } = await again.ended;
    expect(code).toBe(130);
    await eventually(async () => expect(processesWithin(folder)).toEqual([]));
  }, 120_000);

  test('leaves no processes behind if it is interrupted while it starts', async () => {
    const early = start();
    await eventually(async () => expect(processesWithin(folder).length).toBeGreaterThan(1));
    early.signal('SIGINT');
    const { code } = await early.ended;
    expect(code).toBe(130);
    await eventually(async () => expect(processesWithin(folder)).toEqual([]));
  });
});

describe('npm start with given servers', () => {
  const servers: { url: string; stop(): Promise<void> }[] = [];

  beforeAll(async () => {
    servers.push(...(await Promise.all([startRedis(), startPostgres()])));
  });

  afterEach(killAll);

  afterAll(async () => {
    await Promise.all(servers.map((server) => server.stop()));
  });

  function startOnGivenServers(): Child {
    const [redis, postgres] = servers;
    return start({ REDIS_URL: redis!.url, DATABASE_URL: postgres!.url });
  }

  test('prints the accounts that it created, and does not offer them on the sign-in page', async () => {
    const demo = startOnGivenServers();
    await demo.waitForOutput(READY);
    expect(printedAccounts(demo.output)).toHaveLength(3);
    const client = new HttpClient(() => `http://localhost:${port}`);
    expect(await client.read('/demo-accounts')).toEqual([]);
    const signedIn = await client.signIn(printedAccounts(demo.output)[0]!);
    expect(signedIn.status).toBe(200);
  }, 60_000);

  test('does not change accounts that it finds', async () => {
    rmSync(`${folder}/.data/passwords.json`); // as in another clone
    const demo = startOnGivenServers();
    await demo.waitForOutput(READY);
    expect(demo.output).toMatch(/admin@example\.com +\(unknown; it was changed or set elsewhere\)/);
  }, 60_000);
});

describe('npm start prints one line and fails', () => {
  async function failedStart(more: Record<string, string>): Promise<string[]> {
    const ending = await start(more).ended;
    expect(ending.code).toBe(1);
    expect(processesWithin(folder)).toEqual([]);
    return printedLines(ending);
  }

  test('if the port is in use', async () => {
    const other = await listen();
    const used = String((other.address() as AddressInfo).port);
    const lines = await failedStart({ PORT: used }).finally(() => other.close());
    expect(lines).toEqual([
      `Port ${used} is already in use. Choose another one: PORT=${Number(used) + 1} npm start`,
    ]);
  });

  test('if PORT is not a port', async () => {
    expect(await failedStart({ PORT: 'http' })).toEqual([
      'PORT must be a number from 0 to 65535, not "http".',
    ]);
  });

  test('if there is no redis-server', async () => {
    expect(await failedStart({ PATH: '/nowhere' })).toEqual([
      expect.stringMatching(/redis-server or valkey-server, 7\.0 or newer/),
    ]);
  });

  test('if it cannot connect to REDIS_URL or DATABASE_URL', async () => {
    const unused = await freePort();
    expect(await failedStart({ REDIS_URL: `redis://127.0.0.1:${unused}` })).toEqual([
      `Can't connect to Redis at REDIS_URL: connect ECONNREFUSED 127.0.0.1:${unused}.`,
    ]);
    expect(await failedStart({ DATABASE_URL: `postgres://localhost:${unused}/none` })).toEqual([
      expect.stringMatching(/^Can't connect to Postgres at DATABASE_URL: connect ECONNREFUSED/),
    ]);
  });
});

function listen(): Promise<Server> {
  return new Promise((resolve) => {
    const server = createServer();
    server.listen(0, '127.0.0.1', () => resolve(server));
  });
}
