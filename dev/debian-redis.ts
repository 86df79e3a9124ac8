import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { cacheFolder } from './cache-folder.js';
import { madeOnce } from './made-once.js';

const run = promisify(execFile);

export interface RedisBinary {
  file: string;
  env: NodeJS.ProcessEnv;
}

/**
 * Debian's or Ubuntu's own `redis-server` package, unpacked into the cache. It is not installed:
 * that would need root, and leave a service that starts on the standard port with the machine.
 */
export async function debianRedis(): Promise<RedisBinary> {
  const folder = join(cacheFolder(), 'debian-redis');
  if (!existsSync(folder)) {
    process.stderr.write(
      `No Redis on PATH: unpacking the system's redis-server package into ${folder}\n`,
    );
    await madeOnce(folder, unpack);
  }
  const libraries = [...(await foldersIn(folder, 'usr/lib')), ...(await foldersIn(folder, 'lib'))];
  return {
    file: join(folder, 'usr/bin/redis-server'),
    env: { ...process.env, LD_LIBRARY_PATH: libraries.join(delimiter) },
  };
}

// Lists and archives in a folder of our own: then apt needs neither root nor the system's lock,
// and changes nothing of the system's.
async function unpack(scratch: string): Promise<void> {
  const apt = join(scratch, 'apt');
  const archives = join(apt, 'archives');
  await mkdir(join(apt, 'lists', 'partial'), { recursive: true });
  await mkdir(join(archives, 'partial'), { recursive: true });
  // One package source out of reach need not matter, so what is said here counts only if the
  // download fails.
  const updated = await aptGet(apt, ['update']);
  // With it come the libraries that this system lacks.
  const download = ['install', '--yes', '--no-install-recommends', '--download-only'];
  const downloaded = await aptGet(apt, [...download, 'redis-server']);
  if (downloaded.failed) throw new Error(`${MISSING}\n${updated.said}${downloaded.said}`);
  for (const name of await readdir(archives)) {
    if (name.endsWith('.deb')) await run('dpkg-deb', ['--extract', join(archives, name), scratch]);
  }
  await rm(apt, { recursive: true });
}

const MISSING =
  'The redis-server package could not be downloaded. `sudo apt-get install redis-server` installs ' +
  'it, once what apt-get complains of is mended:';

async function aptGet(folder: string, args: string[]): Promise<{ failed: boolean; said: string }> {
  const options = {
    'Dir::State::Lists': join(folder, 'lists'),
    'Dir::Cache': folder,
    'Debug::NoLocking': '1',
    'APT::Sandbox::User': 'root', // another user could not write to our folder
  };
  const set = Object.entries(options).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
  try {
    return { failed: false, said: (await run('apt-get', ['-qq', ...set, ...args])).stderr };
  } catch (error) {
    return { failed: true, said: (error as { stderr?: string }).stderr ?? String(error) };
  }
}

async function foldersIn(root: string, path: string): Promise<string[]> {
  const folder = join(root, path);
  if (!existsSync(folder)) return [];
  return [folder, ...(await readdir(folder)).map((name) => join(folder, name))];
}
