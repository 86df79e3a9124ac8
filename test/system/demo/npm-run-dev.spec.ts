import { rmSync, utimesSync } from 'node:fs';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import { startCommand, type Child } from '../../../dev/child-process.js';
import { freePort } from '../../../dev/free-port.js';
import { eventually } from '../../support/eventually.js';
import { freshCopy, processesWithin } from './fresh-copy.js';

describe('npm run dev', () => {
  let folder: string;
  let port: number;
  let demo: Child;

  beforeAll(async () => {
    folder = freshCopy();
    port = await freePort();
    // The variables of the test runner would reach the demo; an undefined one is not passed on.
    const unset = { NODE_OPTIONS: undefined, REDIS_URL: undefined, DATABASE_URL: undefined };
    const env = { ...process.env, ...unset, HOST: undefined, PORT: String(port) };
    demo = startCommand('npm', ['run', 'dev'], { cwd: folder, env, timeout: 120_000 });
  });
  afterAll(async () => {
    await demo.kill();
    rmSync(folder, { recursive: true, force: true });
  });

  /** The demo prints its address when it has started. */
  async function waitForStart(printedBefore: number): Promise<void> {
    const address = `http://localhost:${port}`;
    await eventually(async () => {
      expect(demo.output.slice(printedBefore)).toContain(address);
    }, 60_000);
    expect((await fetch(address)).status).toBe(200);
  }

  test('starts the demo from its sources, without a build', async () => {
    await waitForStart(0);
  }, 120_000);

  test.each([
    ['TypeScript file of the module', 'src/http/session.guard.ts'],
    ['Lua script', 'src/store/lua/create.lua'],
    ['file of the demo', 'demo/app.ts'],
  ])(
    'restarts the demo when a %s changes',
    async (_kind, file) => {
      const printedBefore = demo.output.length;
      const now = new Date();
      utimesSync(join(folder, file), now, now);
      await waitForStart(printedBefore);
    },
    120_000,
  );

  test('stops everything on Ctrl-C', async () => {
    demo.signal('SIGINT');
    await demo.ended;
    await eventually(async () => expect(processesWithin(folder)).toEqual([]));
  });
});
