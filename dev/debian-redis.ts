import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { cacheFolder } from './cache-folder.js';
import { createOnce } from './create-once.js';

const run = promisify(execFile);

export interface RedisBinary {
  file: string;
  env: NodeJS.ProcessEnv;
}

/**
 * Unpacks the `redis-server` package of Debian or Ubuntu into the cache. Installing it would need root,
 * and would leave a service on the standard port that starts at boot.
 */
export async function debianRedis(): Promise<RedisBinary> {
  const folder = join(cacheFolder(), 'debian-redis');
  if (!existsSync(folder)) {
    process.stderr.write(
      `There is no Redis on PATH: unpacking the system's redis-server package into ${folder}\n`,
    );
    await createOnce(folder, unpack);
  }
  const libraries = [...(await foldersIn(folder, 'usr/lib')), ...(await foldersIn(folder, 'lib'))];
  return {
    file: join(folder, 'usr/bin/redis-server'),
    env: { ...process.env, LD_LIBRARY_PATH: libraries.join(delimiter) },
  };
}

// apt keeps its lists and archives in our folder, so it needs neither root nor the system's lock, and
// changes nothing in the system.
async function unpack(scratch: string): Promise<void> {
  const apt = join(scratch, 'apt');
  const archives = join(apt, 'archives');
  await mkdir(join(apt, 'lists', 'partial'), { recursive: true });
  await mkdir(join(archives, 'partial'), { recursive: true });
  // If a package source is unreachable, the download may still succeed. So errors are reported only
  // if the download fails.
  const updated = await aptGet(apt, ['update']);
  // This also downloads the libraries that the system lacks.
  const download = ['install', '--yes', '--no-install-recommends', '--download-only'];
  const downloaded = await aptGet(apt, [...download, 'redis-server']);
  if (downloaded.failed) throw new Error(`${MISSING}\n${updated.errors}${downloaded.errors}`);
  for (const name of await readdir(archives)) {
    if (name.endsWith('.deb')) await run('dpkg-deb', ['--extract', join(archives, name), scratch]);
  }
  await rm(apt, { recursive: true });
}

const MISSING =
  'The redis-server package could not be downloaded. Fix what apt-get reports below, then run ' +
  '`sudo apt-get install redis-server`:';

async function aptGet(
  folder: string,
  args: string[],
): Promise<{ failed: boolean; errors: string }> {
  const options = {
    'Dir::State::Lists': join(folder, 'lists'),
    'Dir::Cache': folder,
    'Debug::NoLocking': '1',
    'APT::Sandbox::User': 'root', // apt's own user can't write to our folder
  };
  const set = Object.entries(options).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
  try {
    return { failed: false, errors: (await run('apt-get', ['-qq', ...set, ...args])).stderr };
  } catch (error) {
    return { failed: true, errors: (error as { stderr?: string }).stderr ?? String(error) };
  }
}

async function foldersIn(root: string, path: string): Promise<string[]> {
  const folder = join(root, path);
  if (!existsSync(folder)) return [];
  return [folder, ...(await readdir(folder)).map((name) => join(folder, name))];
}
