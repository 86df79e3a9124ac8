import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

import { runTool } from './run-tool.js';

/**
 * Packs the package into a folder, as `npm publish` would, and returns the tarball's path. Run it in
 * the project's folder.
 */
export async function pack(folder: string): Promise<string> {
  await buildIfStale();
  await runTool('npm', ['pack', '--silent', '--pack-destination', folder], process.cwd());
  const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
  return join(folder, `nest-session-ledger-${version}.tgz`);
}

/** Installs what a folder's package.json lists. Uses npm's cache, but needs the registry. */
export async function npmInstall(folder: string, ...options: string[]): Promise<void> {
  const quick = ['--prefer-offline', '--no-audit', '--no-fund', '--ignore-scripts'];
  await runTool('npm', ['install', ...quick, ...options], folder);
}

/** Builds only if `src` has changed since the last build: `npm test` has built already. */
async function buildIfStale(): Promise<void> {
  if (newest('dist') > newest('src')) return;
  await runTool('node', ['dev/build-package.mjs'], process.cwd());
}

function newest(folder: string): number {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  return Math.max(...files.map((file) => statSync(join(folder, file)).mtimeMs));
}
