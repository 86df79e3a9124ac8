import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import { startCommand, type Child } from '../../../dev/child-process.js';
import { freePort } from '../../../dev/free-port.js';
import { startPostgres, startRedis, type PrivateServer } from '../../../dev/index.js';
import { npmInstall, pack } from '../../../matrix/packed.js';
import { runTool } from '../../../matrix/run-tool.js';
import { eventually } from '../../support/eventually.js';

const project = join(import.meta.dirname, '..', '..', '..');
const nestCli = join(project, 'node_modules', '@nestjs', 'cli', 'bin', 'nest.js');
const PACKAGES =
  /^(@nestjs\/(common|core|platform-express)|reflect-metadata|rxjs|typescript|@types\/(node|express))$/;

/** An application as `nest new` of Nest 11 makes it, CommonJS, with the packed package installed. */
async function createApplication(folder: string): Promise<void> {
  cpSync(join(project, 'test', 'system', 'testing', 'nest-11'), folder, { recursive: true });
  const file = join(folder, 'package.json');
  const manifest = JSON.parse(readFileSync(file, 'utf8')) as Record<string, object>;
  const only = (list: object) =>
    Object.fromEntries(Object.entries(list).filter(([name]) => PACKAGES.test(name)));
  const tarball = await pack(folder);
  const content = {
    ...manifest,
    dependencies: { ...only(manifest.dependencies!), 'nest-session-ledger': `file:${tarball}` },
    devDependencies: only(manifest.devDependencies!),
  };
  writeFileSync(file, JSON.stringify(content, null, 2));
  await npmInstall(folder);
}

describe('nest add nest-session-ledger', () => {
  const folder = mkdtempSync(join(tmpdir(), 'nest-session-ledger-add-'));
  let servers: PrivateServer[] = [];
  let application: Child | undefined;

  beforeAll(async () => {
    const [redis, postgres] = await Promise.all([
      startRedis(),
      startPostgres(),
      createApplication(folder),
    ]);
    servers = [redis, postgres];
  }, 240_000);
  afterAll(async () => {
    await application?.kill();
    await Promise.all(servers.map((server) => server.stop()));
    rmSync(folder, { recursive: true, force: true });
  });

  const nestAdd = (...options: string[]) => {
    const args = [nestCli, 'add', 'nest-session-ledger', '--skip-install', ...options];
    return runTool(process.execPath, args, folder, { NODE_OPTIONS: '' });
  };
  const read = (file: string) => readFileSync(join(folder, file), 'utf8');

  /** The application's own files, by path. */
  const files = () => {
    const paths = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(
      (path) => !/^(node_modules|dist)(\/|$)/.test(path) && statSync(join(folder, path)).isFile(),
    );
    return Object.fromEntries(
      paths.toSorted().map((path) => [path, readFileSync(join(folder, path), 'latin1')]),
    );
  };

  /** Points `.env` to the private servers, as a user does who has servers of their own. */
  const useServers = () => {
    const [redis, postgres] = servers;
    const env = read('.env')
      .replace(/^REDIS_URL=.*$/m, `REDIS_URL=${redis!.url}`)
      .replace(/^DATABASE_URL=.*$/m, `DATABASE_URL=${postgres!.url}`);
    writeFileSync(join(folder, '.env'), env);
  };

  test('with --dry-run, it changes nothing and lists what it would write', async () => {
    const before = files();
    const output = await nestAdd('--dry-run');
    expect(output).toMatch(/CREATE\S* src\/account\/account\.controller\.ts/);
    expect(files()).toEqual(before);
  });

  test('it adds what is missing, and a second time changes nothing', async () => {
    const output = await nestAdd();
    expect(output).toContain('npx session-ledger migrate');
    expect(read('src/app.module.ts')).toContain(
      'imports: [SessionModule.forRoot(sessionOptions)],\n  controllers: [AppController, AccountController],',
    );
    expect(read('src/main.ts')).toMatch(/app\.enableShutdownHooks\(\);\n {2}await app\.listen/);
    const { dependencies } = JSON.parse(read('package.json')) as { dependencies: object };
    expect(Object.keys(dependencies)).toEqual(
      expect.arrayContaining(['bullmq', 'ioredis', 'pg', 'typeorm']),
    );
    expect(read('docker-compose.yml')).toContain('--maxmemory-policy noeviction --appendonly yes');
    expect(read('docker-compose.yml')).toContain('--hz 100');
    expect(read('.env.example')).toMatch(/^EXAMPLE_PASSWORD=$/m);
    expect(read('.env')).toMatch(/^EXAMPLE_PASSWORD=.{12}$/m);

    const before = files();
    await nestAdd();
    expect(files()).toEqual(before);
  });

  /** The last block of commands in the README's first steps, for another port. */
  const readmeCommands = (port: number) => {
    const readme = readFileSync(join(project, 'README.md'), 'utf8');
    const [, commands] = /^```sh\n(\. \.\/\.env\n.*?)^```/ms.exec(readme)!;
    return commands!.replaceAll('localhost:3000', `localhost:${port}`);
  };

  const start = (port: number) => {
    const main = existsSync(join(folder, 'dist/src')) ? 'dist/src/main.js' : 'dist/main.js';
    // Without the test runner's NODE_ENV, that of `.env` applies.
    const env = { ...process.env, NODE_ENV: undefined, NODE_OPTIONS: '', PORT: String(port) };
    return startCommand('node', [main], { cwd: folder, env });
  };

  test('the application compiles in strict mode, says what it lacks, and guards the route of the example', async () => {
    useServers();
    await runTool('npx', ['tsc', '--strict', '--skipLibCheck', 'false'], folder);
    const tooEarly = await start(0).ended;
    expect(tooEarly.code).toBe(1);
    expect(tooEarly.output).toMatch(
      /does not exist.*Run the migrations \(`npx session-ledger migrate`/,
    );
    await runTool('npx', ['session-ledger', 'migrate'], folder, { NODE_OPTIONS: '' });
    const port = await freePort();
    application = start(port);
    await application.waitForOutput(/successfully started/);
    const account = `http://localhost:${port}/account`;
    const password = /^EXAMPLE_PASSWORD=(.+)$/m.exec(read('.env'))![1]!;
    const signIn = (given: string) =>
      fetch(`${account}/sign-in`, {
        method: 'POST',
        body: new URLSearchParams({ user: 'ada', password: given }),
      });

    await eventually(async () => expect((await fetch(account)).status).toBe(401));
    expect((await signIn('')).status).toBe(401);
    const signedIn = await signIn(password);
    expect(signedIn.status).toBe(204);
    const headers = { cookie: signedIn.headers.get('set-cookie')!.split(';')[0]! };
    const me = await fetch(account, { headers });
    expect([me.status, await me.json()]).toEqual([200, { id: 'ada' }]);
    expect((await fetch(`${account}/sign-out`, { method: 'POST', headers })).status).toBe(204);
    expect((await fetch(account, { headers })).status).toBe(401);

    const output = await runTool('sh', ['-ec', readmeCommands(port)], folder);
    expect(output.match(/HTTP\/1\.1 \d+/g)).toEqual([
      'HTTP/1.1 401',
      'HTTP/1.1 204',
      'HTTP/1.1 200',
    ]);
  });
});
