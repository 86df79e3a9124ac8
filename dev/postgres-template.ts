import { execFile } from 'node:child_process';
import { chown } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { cacheFolder } from './cache-folder.js';
import { createOnce } from './create-once.js';
import { type PostgresBinaries, postgresBinaries } from './postgres-binaries.js';
import { postgresUser } from './postgres-user.js';

const run = promisify(execFile);

/**
 * Fills an empty folder with a database cluster that has a database `ledger`. It copies a cluster that
 * is created once and kept, because `initdb` takes as long as twenty copies.
 */
export async function copyTemplate(target: string): Promise<void> {
  await run('cp', ['-R', `${await postgresTemplate()}/.`, target]);
  const user = postgresUser();
  if (user) await run('chown', ['-R', `${user.uid}:${user.gid}`, target]);
}

export async function postgresTemplate(): Promise<string> {
  const binaries = await postgresBinaries();
  const owner = process.getuid?.() ?? 0;
  const folder = join(cacheFolder(), `postgres-${binaries.version}-template-${owner}`);
  await createOnce(folder, (scratch) => {
    process.stderr.write(`Preparing Postgres ${binaries.version} in ${folder}\n`);
    return initialize(binaries, scratch);
  });
  return folder;
}

/**
 * How to pass the data folder to a process that is started in it. Root's server runs as another user,
 * who may not be able to reach the folder by its path, but can use it as the current folder.
 */
export function dataFolderArgument(folder: string): string {
  return postgresUser() && process.platform === 'linux' ? '/proc/self/cwd' : folder;
}

async function initialize({ initdb, postgres }: PostgresBinaries, folder: string): Promise<void> {
  const user = postgresUser();
  if (user) await chown(folder, user.uid, user.gid);
  const data = dataFolderArgument(folder);
  const options = { cwd: folder, env: { LC_ALL: 'C', PATH: process.env.PATH }, ...user };
  // It listens on loopback only and contains only test data, so it trusts all connections.
  const settings = ['--username=postgres', '--auth=trust', '--encoding=UTF8', '--locale=C'];
  try {
    await run(initdb, ['-D', data, ...settings, '--no-sync', '--no-instructions'], options);
    const single = run(postgres, ['--single', '-D', data, 'template1'], options);
    // Renamed rather than added: a database has 300 files, which are copied for every server.
    single.child.stdin?.end('ALTER DATABASE postgres RENAME TO ledger;\n');
    await single;
  } catch (cause) {
    throw new Error(`Postgres could not create its first database: ${String(cause)}`, { cause });
  }
}
