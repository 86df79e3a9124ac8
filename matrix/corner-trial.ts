import assert from 'node:assert/strict';
import { join } from 'node:path';

import type { Corner } from './corners.js';
import { npmInstall } from './packed.js';
import { runTool } from './run-tool.js';
import { runApplication, type Site, type Trial } from './trial.js';

/** What is tried in each corner. */
const STEPS = {
  /** Without `--legacy-peer-deps`, and without conflicts that npm only warns of. */
  async installs({ folder }: Site) {
    await npmInstall(folder, '--strict-peer-deps');
    await runTool('npm', ['ls'], folder);
  },
  async compiles({ folder }: Site) {
    await compile(folder);
  },
  /** Looks up declarations in the other way that is usual for this kind of module. */
  async 'resolves types'({ corner, folder }: Site) {
    await compile(folder, '--noEmit', ...otherResolution(corner));
  },
  async 'is one copy'({ folder }: Site) {
    for (const first of ['import', 'require'])
      await runTool('node', ['both-ways.mjs', first], folder);
  },
  /** By the command line, there and back. */
  async migrates({ folder, env }: Site) {
    for (const command of [['migrate'], ['revert', '--all', '--yes'], ['migrate'], ['status']])
      await runTool('npx', ['session-ledger', ...command], folder, env);
  },
  async runs(site: Site) {
    await runApplication(site, ['node', join('out', 'main.js')]);
  },
  /** The command line, on what the application has recorded. */
  async verifies({ folder, env }: Site) {
    const output = await runTool('npx', ['session-ledger', 'verify', '--json'], folder, env);
    assert.equal((JSON.parse(output) as { valid: boolean }).valid, true, output);
  },
} satisfies Trial['steps'];

export function trialOf(corner: Corner): Trial {
  return { name: corner.name, corner, steps: STEPS };
}

/** With the settings in `application-folder.ts`: strict, and all declaration files are checked. */
export async function compile(folder: string, ...options: string[]): Promise<void> {
  await runTool('node', [join('node_modules', 'typescript', 'bin', 'tsc'), ...options], folder);
}

function otherResolution({ type, packages }: Corner): string[] {
  if (type === 'module') return ['--module', 'esnext', '--moduleResolution', 'bundler'];
  // TypeScript 6 still supports the old resolution, but wants to be told that this is known.
  const known = packages.typescript!.startsWith('5') ? [] : ['--ignoreDeprecations', '6.0'];
  return ['--module', 'commonjs', '--moduleResolution', 'node10', ...known];
}
