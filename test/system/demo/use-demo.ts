import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

import { afterAll, beforeAll } from '@jest/globals';

import { startCommand, type Child } from '../../../dev/child-process.js';

const MAIN = 'build/demo/main.js';

export const ADA = { email: 'ada@example.com', password: '7q2m-x9df-k4tv-0hrw' };
export const GRACE = { email: 'grace@example.com', password: 'b8nc-3wpz-v6jd-5yem' };
export const ADMIN = { email: 'admin@example.com', password: 't1xk-94gq-mz7s-c2vf' };

export interface RunningDemo {
  url: string;
  databaseUrl: string;
}

/** Runs the built demo for a spec file, in a temporary folder with private servers. */
export function useDemo(): RunningDemo {
  const demo: RunningDemo = { url: '', databaseUrl: '' };
  let folder = '';
  let running: Child | undefined;

  beforeAll(async () => {
    if (!existsSync(MAIN)) throw new Error(`${MAIN} is missing. Run \`npm run build\` first.`);
    folder = mkdtempSync(join(tmpdir(), 'nest-session-ledger-demo-'));
    writePasswords(folder);
    const env = { ...process.env, REDIS_URL: '', DATABASE_URL: '', PORT: '0', HOST: '' };
    running = startCommand(process.execPath, [resolve(MAIN)], { cwd: folder, env });
    await running.waitForOutput(/Press Ctrl-C to stop/);
    demo.url = /running at (http:\S+)/.exec(running.output)![1]!;
    demo.databaseUrl = /DATABASE_URL=(\S+)/.exec(running.output)![1]!;
  }, 120_000);

  afterAll(async () => {
    running?.signal('SIGINT');
    await running?.ended;
    rmSync(folder, { recursive: true, force: true });
  });

  return demo;
}

/** The demo keeps passwords that it finds, so the tests know them. */
function writePasswords(folder: string): void {
  const accounts = [ADA, GRACE, ADMIN].map(({ email, password }) => [email, password]);
  mkdirSync(join(folder, '.data'));
  writeFileSync(
    join(folder, '.data', 'passwords.json'),
    JSON.stringify(Object.fromEntries(accounts)),
  );
}
