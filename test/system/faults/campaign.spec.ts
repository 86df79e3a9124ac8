import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { promisify } from 'node:util';

import { expect, it } from '@jest/globals';

const run = promisify(execFile);
const CAMPAIGN = 'build/faults/run.js';

const CLOSING_LINE =
  /^20 faults, \d+ acknowledged calls, 0 lost, 0 doubled, 0 phantom, 0 resurrected, chain whole$/;

// The campaign proper is `npm run faults`; its figures are in docs/reliability.md.
it('keeps every promise through twenty faults', async () => {
  if (!existsSync(CAMPAIGN)) throw new Error('Run `npm run build` first: this runs what it built.');
  const { stdout } = await run(process.execPath, [
    CAMPAIGN,
    '--faults',
    '20',
    '--seed',
    '20',
  ]).catch((error: { stdout?: string }) => ({ stdout: error.stdout ?? String(error) }));
  // Where it fails, all that it said is shown: the seed and the history that shows the breach.
  const closing = stdout.trim().split('\n').at(-1)!;
  expect(CLOSING_LINE.test(closing) ? closing : stdout).toMatch(CLOSING_LINE);
}, 300_000);
