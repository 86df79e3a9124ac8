import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Client } from 'pg';

import { startCommand, type Child } from '../../../dev/child-process.js';
import { freePort } from '../../../dev/free-port.js';
import { startPostgres, startRedis, type PrivateServer } from '../../../dev/index.js';
import { npmInstall, pack } from '../../../matrix/packed.js';
import { runTool } from '../../../matrix/run-tool.js';
import { eventually } from '../../support/eventually.js';

const project = join(import.meta.dirname, '..', '..', '..');
const guide = readFileSync(join(project, 'docs', 'migrating.md'), 'utf8');

const DEPENDENCIES = {
  '@nestjs/common': '^12.0.1',
  '@nestjs/core': '^12.0.1',
  '@nestjs/jwt': '12.0.2',
  '@nestjs/passport': '12.0.0',
  '@nestjs/platform-express': '^12.0.1',
  '@types/express': '5.0.6',
  '@types/express-session': '1.19.0',
  '@types/node': '20.19.43',
  '@types/passport-local': '1.0.38',
  'better-auth': '1.7.25',
  'connect-redis': '9.0.0',
  'express-session': '1.19.0',
  passport: '0.7.0',
  'passport-local': '1.0.0',
  redis: '6.3.1',
  typescript: '6.0.3',
};

const COMPILER_OPTIONS = {
  strict: true,
  target: 'es2023',
  module: 'nodenext',
  experimentalDecorators: true,
  emitDecoratorMetadata: true,
  skipLibCheck: true,
  rootDir: 'src',
  outDir: 'dist',
  types: ['node'],
};

/** Makes the application outside the repository, with the packed package and the guide's files. */
async function buildApplication(folder: string): Promise<void> {
  const tarball = await pack(folder);
  cpSync(join(import.meta.dirname, 'application'), join(folder, 'src'), { recursive: true });
  for (const [, path, code] of guide.matchAll(/^```typescript\n\/\/ (\S+)\n(.*?)^```/gms)) {
    writeFileSync(join(folder, path!), code!);
  }
  const dependencies = { ...DEPENDENCIES, 'nest-session-ledger': `file:${tarball}` };
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ type: 'module', dependencies }));
  writeFileSync(
    join(folder, 'tsconfig.json'),
    JSON.stringify({ compilerOptions: COMPILER_OPTIONS }),
  );
  await npmInstall(folder);
  await runTool('npx', ['tsc'], folder);
}

/** Cookies by name, as a browser keeps them. */
class Browser {
  readonly cookies = new Map<string, string>();

  constructor(private readonly url: string) {}

  async ask(request: string, body?: object, headers: Record<string, string> = {}) {
    const [method, path] = request.split(' ');
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const response = await fetch(this.url + path, {
      method,
      headers: { ...(body && { 'content-type': 'application/json' }), cookie, ...headers },
      body: body && JSON.stringify(body),
    });
    for (const set of response.headers.getSetCookie()) this.keep(set);
    const text = await response.text();
    const isJson = response.headers.get('content-type')?.includes('json');
    return { status: response.status, body: isJson ? JSON.parse(text) : text };
  }

  /** Another tab, or a thief, with this browser's present cookies. */
  copy(): Browser {
    const copy = new Browser(this.url);
    for (const [name, value] of this.cookies) copy.cookies.set(name, value);
    return copy;
  }

  private keep(set: string): void {
    const [, name, value] = /^([^=]+)=([^;]*)/.exec(set)!;
    if (value === '' || /max-age=0/i.test(set)) this.cookies.delete(name!);
    else this.cookies.set(name!, value!);
  }
}

describe('an application in step 2 of docs/migrating.md', () => {
  const folder = mkdtempSync(join(tmpdir(), 'nest-session-ledger-migrating-'));
  const applications: Child[] = [];
  let servers: PrivateServer[] = [];
  beforeAll(async () => {
    const started = await Promise.all([startRedis(), startPostgres(), buildApplication(folder)]);
    servers = [started[0], started[1]];
  }, 240_000);
  afterAll(async () => {
    await Promise.all(applications.map((application) => application.stop()));
    await Promise.all(servers.map((server) => server.stop()));
    rmSync(folder, { recursive: true, force: true });
  });

  async function start(oldSessions: string): Promise<string> {
    const port = await freePort();
    const [redis, postgres] = servers;
    const env = {
      ...process.env,
      NODE_OPTIONS: '',
      PORT: String(port),
      OLD_SESSIONS: oldSessions,
      REDIS_URL: redis!.url,
      DATABASE_URL: postgres!.url,
    };
    const application = startCommand('node', ['dist/main.js'], { cwd: folder, env });
    applications.push(application);
    await application.waitForOutput(/listening/);
    return `http://127.0.0.1:${port}`;
  }

  const userOf = (signedIn: { body: { user?: { id: string } } }) => signedIn.body.user?.id;
  let accounts = 0;
  /** Of the application that a block of tests started last. */
  let url = '';

  describe.each([
    {
      name: 'express-session',
      begin: (browser: Browser) => browser.ask('POST /old/sign-in'),
      data: { theme: 'dark' },
    },
    {
      name: 'passport',
      begin: (browser: Browser) => browser.ask('POST /old/sign-in'),
      data: { theme: 'light' },
    },
    {
      name: 'better-auth',
      begin: (browser: Browser) => {
        const email = `ada-${(accounts += 1)}@example.com`;
        const account = { email, name: 'Ada', password: 'a long password' };
        return browser.ask('POST /api/auth/sign-up/email', account, { origin: url });
      },
      data: { betterAuth: expect.any(String) },
    },
  ])('that had sessions of $name', ({ name, begin, data }) => {
    beforeAll(async () => {
      url = await start(name);
    });

    /** A browser with an old session, and its user. */
    async function signedInBefore() {
      const browser = new Browser(url);
      const begun = await begin(browser);
      expect(browser.cookies.size).toBe(1);
      return { browser, user: userOf(begun) ?? 'ada' };
    }

    test('an old session is moved at its next request, and the ledger records it', async () => {
      const { browser, user } = await signedInBefore();
      const before = await countRecorded(name, user);
      expect(await browser.ask('GET /me')).toEqual({ status: 200, body: { user, data } });
      expect([...browser.cookies.keys()]).toContain('__Host-session');
      await untilRecorded(name, user, before + 1);
      await browser.ask('GET /me');
      expect(await browser.ask('GET /me')).toEqual({ status: 200, body: { user, data } });
      expect(browser.cookies.size).toBe(1);
      expect(await countRecorded(name, user)).toBe(before + 1);
    });

    test('requests that are sent at once with an old session are all accepted', async () => {
      const { browser } = await signedInBefore();
      const tabs = Array.from({ length: 8 }, () => browser.copy());
      const answers = await Promise.all(tabs.map((tab) => tab.ask('GET /me')));
      expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
    });

    test('the old session ends once the browser has the new cookie', async () => {
      const { browser } = await signedInBefore();
      const thief = browser.copy();
      await browser.ask('GET /me');
      await browser.ask('GET /me');
      expect((await thief.ask('GET /me')).status).toBe(401);
      expect((await browser.ask('GET /me')).status).toBe(200);
    });

    test('a sign-out right after the move ends both sessions', async () => {
      const { browser } = await signedInBefore();
      const before = browser.copy();
      await browser.ask('GET /me');
      const after = browser.copy();
      expect((await browser.ask('POST /sign-out')).status).toBe(204);
      for (const each of [browser, before, after]) {
        expect((await each.ask('GET /me')).status).toBe(401);
      }
    });

    test('a page of another site moves no session', async () => {
      const { browser } = await signedInBefore();
      const headers = { 'sec-fetch-site': 'cross-site' };
      expect((await browser.ask('POST /name', undefined, headers)).status).toBe(403);
      expect(browser.cookies.size).toBe(1);
      expect((await browser.ask('POST /name')).status).toBe(204);
    });

    test('without any session, the answer is 401', async () => {
      expect((await new Browser(url).ask('GET /me')).status).toBe(401);
    });
  });

  describe('and is asked to end all sessions of a user', () => {
    test('those of express-session end with the others', async () => {
      url = await start('express-session');
      const [moved, old] = [new Browser(url), new Browser(url)];
      await moved.ask('POST /old/sign-in');
      await old.ask('POST /old/sign-in');
      await moved.ask('GET /me');
      expect((await new Browser(url).ask('POST /end-all')).status).toBe(204);
      expect((await moved.ask('GET /me')).status).toBe(401);
      expect((await old.ask('GET /me')).status).toBe(401);
    });

    test('those of better-auth end', async () => {
      url = await start('better-auth');
      const browser = new Browser(url);
      const account = { email: 'all@example.com', name: 'Ada', password: 'a long password' };
      const signedUp = await browser.ask('POST /api/auth/sign-up/email', account, { origin: url });
      await browser.ask(`POST /end-all/${userOf(signedUp)}`);
      expect((await browser.ask('GET /me')).status).toBe(401);
    });
  });

  test("Passport's strategy signs in to a new session, with a correct password only", async () => {
    const browser = new Browser(await start('passport'));
    const signIn = (password: string) =>
      browser.ask('POST /passport/sign-in', { username: 'grace', password });
    expect((await signIn('wrong')).status).toBe(401);
    expect((await signIn('correct')).status).toBe(204);
    expect((await browser.ask('GET /me')).body).toMatchObject({ user: 'grace' });
  });

  describe('that had tokens in local storage', () => {
    beforeAll(async () => {
      url = await start('tokens');
    });

    const tokenOf = async (path: string) =>
      ((await new Browser(url).ask(path)).body as { token: string }).token;

    /** Runs the guide's script of the page. */
    async function loadPage(browser: Browser, token: string) {
      const [, script] = /^```js\n(.*?)^```/ms.exec(guide)!;
      const storage = new Map([['token', token]]);
      const localStorage = {
        getItem: (key: string) => storage.get(key) ?? null,
        removeItem: (key: string) => storage.delete(key),
      };
      const ask = (path: string, { method, headers }: { method: string; headers: object }) =>
        browser.ask(`${method} ${path}`, undefined, headers as Record<string, string>);
      const AsyncFunction = (async () => {}).constructor as FunctionConstructor;
      await new AsyncFunction('localStorage', 'fetch', script!)(localStorage, ask);
      return storage;
    }

    test('a page exchanges its token for a session, and forgets the token', async () => {
      const browser = new Browser(url);
      const storage = await loadPage(browser, await tokenOf('POST /old/sign-in'));
      expect([...storage.keys()]).toEqual([]);
      expect(await browser.ask('GET /old/me')).toEqual({ status: 200, body: { user: 'ada' } });
      expect((await browser.ask('GET /me')).status).toBe(200);
    });

    test('a page with an expired token forgets it, and is not signed in', async () => {
      const browser = new Browser(url);
      const storage = await loadPage(browser, await tokenOf('POST /old/expired'));
      expect([...storage.keys()]).toEqual([]);
      expect((await browser.ask('GET /me')).status).toBe(401);
    });

    test('a page that still sends its token is accepted where both are, and nowhere else', async () => {
      const browser = new Browser(url);
      const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
      const headers = bearer(await tokenOf('POST /old/sign-in'));
      const me = await browser.ask('GET /old/me', undefined, headers);
      expect(me).toEqual({ status: 200, body: { user: 'ada' } });
      expect((await browser.ask('GET /me', undefined, headers)).status).toBe(401);
      const [head, claims] = headers.authorization.split('.');
      for (const token of [
        await tokenOf('POST /old/expired'),
        `${head!.slice(7)}.${claims!}.forged`,
        'x',
      ]) {
        expect((await browser.ask('GET /old/me', undefined, bearer(token))).status).toBe(401);
      }
    });
  });

  async function countRecorded(oldSessions: string, user: string): Promise<number> {
    const client = new Client(servers[1]!.url);
    await client.connect();
    const schema = `sessions_of_${oldSessions.replace('-', '_')}`;
    const { rows } = await client.query<{ count: number }>(
      `SELECT count(*)::int FROM ${schema}.sessions WHERE user_id = $1`,
      [user],
    );
    await client.end();
    return rows[0]!.count;
  }

  async function untilRecorded(oldSessions: string, user: string, count: number): Promise<void> {
    await eventually(async () => expect(await countRecorded(oldSessions, user)).toBe(count));
  }
});
