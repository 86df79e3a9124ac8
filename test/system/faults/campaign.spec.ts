import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { promisify } from 'node:util';

import { expect, it } from '@jest/globals';

const run = promisify(execFile);
const CAMPAIGN = 'build/faults/run.js';

const CLOSING_LINE =
  /^20 faults, \d+ acknowledged calls, 0 lost, 0 doubled, 0 phantom, 0 resurrected, chain whole$/;

// The long campaigns are run by `npm run faults`; docs/reliability.md has their figures.
it('every guarantee holds through a campaign of twenty faults', async () => {
  if (!existsSync(CAMPAIGN))
    throw new Error(`There is no ${CAMPAIGN}. Run \`npm run build\` first.`);
  const args = [CAMPAIGN, '--faults', '20', '--seed', '20'];
  const { stdout } = await run(process.execPath, args).catch((error: { stdout?: string }) => ({
    stdout: error.stdout ?? String(error),
  }));
  // A failure shows all output, with the history of the violation and the command to repeat it.
  const closing = stdout.trim().split('\n').at(-1)!;
  expect(CLOSING_LINE.test(closing) ? closing : stdout).toMatch(CLOSING_LINE);
}, 300_000);
