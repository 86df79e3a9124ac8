import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { textOf, type Tree } from './tree.js';

interface Manifest {
  type?: string;
  dependencies?: Record<string, string>;
  devDependencies?: Record<string, string>;
  peerDependencies?: Record<string, string>;
  peerDependenciesMeta?: Record<string, { optional?: boolean }>;
  version?: string;
}

const FILE = '/package.json';

export function readManifest(tree: Tree): Manifest {
  const text = textOf(tree, FILE);
  if (text === null) throw new Error('There is no package.json in this folder.');
  return JSON.parse(text) as Manifest;
}

/** Adds the peers that package.json lacks. Returns false if it lacks none. */
export function addDependencies(tree: Tree): boolean {
  const manifest = readManifest(tree);
  const listed = { ...manifest.devDependencies, ...manifest.dependencies };
  const missing = Object.entries(requiredPeers()).filter(([name]) => !(name in listed));
  if (missing.length === 0) return false;
  const added = missing.map(([name, range]) => [name, installedRange(name) ?? range]);
  const dependencies = Object.entries({ ...manifest.dependencies, ...Object.fromEntries(added) });
  dependencies.sort(([a], [b]) => (a < b ? -1 : 1));
  const content = { ...manifest, dependencies: Object.fromEntries(dependencies) };
  const indent = /^[ \t]+/m.exec(textOf(tree, FILE)!)?.[0] ?? '  ';
  tree.overwrite(FILE, `${JSON.stringify(content, null, indent)}\n`);
  return true;
}

/** Installs what package.json lists, with the application's package manager. */
export function installTask(tree: Tree) {
  const lockFiles = { 'pnpm-lock.yaml': 'pnpm', 'yarn.lock': 'yarn', 'bun.lock': 'bun' };
  const found = Object.entries(lockFiles).find(([file]) => tree.exists(`/${file}`));
  const options = { command: 'install', quiet: true, packageManager: found?.[1] ?? 'npm' };
  return { toConfiguration: () => ({ name: 'node-package', options }) };
}

/** The peers of this package, without the optional ones. */
function requiredPeers(): Record<string, string> {
  // From dist/cjs/schematics.
  const own = readJson(join(__dirname, '..', '..', '..', 'package.json'));
  const peers = Object.entries(own.peerDependencies ?? {});
  return Object.fromEntries(peers.filter(([name]) => !own.peerDependenciesMeta?.[name]?.optional));
}

/** npm has installed the peers with this package. The range keeps the version that it chose. */
function installedRange(name: string): string | null {
  const file = join(process.cwd(), 'node_modules', name, 'package.json');
  return existsSync(file) ? `^${readJson(file).version}` : null;
}

function readJson(file: string): Manifest {
  return JSON.parse(readFileSync(file, 'utf8')) as Manifest;
}
