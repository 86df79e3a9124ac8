import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import { startPostgres, type PrivatePostgres } from '../../../dev/index.js';
import { trialOf } from '../../../matrix/corner-trial.js';
import { CORE_CORNERS } from '../../../matrix/corners.js';
import { pack } from '../../../matrix/packed.js';
import { runTool } from '../../../matrix/run-tool.js';
import { runTrial } from '../../../matrix/trial.js';

describe('the published package', () => {
  const folder = mkdtempSync(join(tmpdir(), 'nest-session-ledger-packed-'));
  let tarball: string;
  let postgres: PrivatePostgres;

  beforeAll(async () => {
    [tarball, postgres] = await Promise.all([pack(folder), startPostgres()]);
  });
  afterAll(async () => {
    await postgres.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  test.each(CORE_CORNERS)(
    'installs, compiles and runs in a strict application: $name',
    async (corner) => {
      const results = await runTrial(trialOf(corner), tarball, postgres);
      expect(results.find(({ error }) => error)).toBeUndefined();
    },
    300_000,
  );

  const tool = (name: string, ...args: string[]) =>
    runTool(join('node_modules', '.bin', name), args, process.cwd());

  test('passes publint', async () => {
    await expect(tool('publint', 'run', tarball, '--strict')).resolves.toBeDefined();
  });

  test('has types for every way to import it, by attw', async () => {
    await expect(tool('attw', tarball)).resolves.toBeDefined();
  });
});
