import { accessSync, constants, existsSync, lstatSync, mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Where downloaded and prepared things are kept from run to run. */
export function cacheFolder(): string {
  const ours = join(projectFolder(), 'node_modules', '.cache', 'nest-session-ledger');
  try {
    mkdirSync(ours, { recursive: true });
    accessSync(ours, constants.W_OK);
    return ours;
  } catch {
    return sharedCacheFolder(tmpdir()); // the project is somebody else's, or read-only
  }
}

/** A cache in a folder that everybody may write to, so it is used only if it is truly ours. */
export function sharedCacheFolder(parent: string): string {
  const folder = join(parent, `nest-session-ledger-cache-${process.getuid?.() ?? 0}`);
  mkdirSync(folder, { recursive: true, mode: 0o755 });
  const found = lstatSync(folder);
  if (!found.isDirectory() || found.uid !== process.getuid?.() || (found.mode & 0o022) !== 0) {
    throw new Error(`${folder} belongs to somebody else: remove it, or set TMPDIR elsewhere.`);
  }
  return folder;
}

// This file runs as dev/cache-folder.ts in the tests and as build/dev/cache-folder.js elsewhere.
function projectFolder(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json'))) {
    const parent = dirname(folder);
    if (parent === folder) throw new Error(`No package.json above ${import.meta.url}.`);
    folder = parent;
  }
  return folder;
}
