import { accessSync, constants, existsSync, lstatSync, mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Where downloads and other prepared files are kept between runs. */
export function cacheFolder(): string {
  const ours = join(projectFolder(), 'node_modules', '.cache', 'nest-session-ledger');
  try {
    mkdirSync(ours, { recursive: true });
    accessSync(ours, constants.W_OK);
    return ours;
  } catch {
    return sharedCacheFolder(tmpdir()); // the project is read-only, or belongs to another user
  }
}

/** A cache in a folder that every user can write to. It is used only if this user owns it. */
export function sharedCacheFolder(parent: string): string {
  const folder = join(parent, `nest-session-ledger-cache-${process.getuid?.() ?? 0}`);
  mkdirSync(folder, { recursive: true, mode: 0o755 });
  const status = lstatSync(folder);
  if (!status.isDirectory() || status.uid !== process.getuid?.() || (status.mode & 0o022) !== 0) {
    throw new Error(
      `${folder} belongs to another user. Remove it, or set TMPDIR to another folder.`,
    );
  }
  return folder;
}

// This file runs as dev/cache-folder.ts in the tests, and as build/dev/cache-folder.js otherwise.
function projectFolder(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json'))) {
    const parent = dirname(folder);
    if (parent === folder) throw new Error(`No package.json above ${import.meta.url}.`);
    folder = parent;
  }
  return folder;
}
