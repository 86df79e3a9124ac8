import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { promisify } from 'node:util';

import { expect, test } from '@jest/globals';

const run = promisify(execFile);
const FAILOVER = 'build/bench/failover.js';

// One round of the module. docs/reliability.md has the figures of five, beside those of ioredis alone.
test('failover.js finds that an ordered failover loses nothing', async () => {
  if (!existsSync(FAILOVER)) throw new Error('Run `npm run build` first.');
  const { stdout } = await run(process.execPath, [FAILOVER, '--quick']);
  const [, signIns, signInsLost, revocations, undone] =
    /^the module +1 \/ 0 +(\d+) \(.*?\) +(\d+) \(.*?\) +(\d+) \(.*?\) +(\d+) \(/m.exec(stdout)!;
  expect(Number(signIns)).toBeGreaterThan(100);
  expect(Number(revocations)).toBeGreaterThan(100);
  expect([signInsLost, undone]).toEqual(['0', '0']);
}, 120_000);
