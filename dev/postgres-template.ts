import { execFile } from 'node:child_process';
import { chown } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { cacheFolder } from './cache-folder.js';
import { madeOnce } from './made-once.js';
import { type PostgresBinaries, postgresBinaries } from './postgres-binaries.js';
import { postgresUser } from './postgres-user.js';

const run = promisify(execFile);

/**
 * Fills an empty folder with a database cluster that has a database `ledger`. It is a copy of one
 * that is made once and kept: `initdb` takes as long as twenty copies.
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
  await madeOnce(folder, (scratch) => {
    process.stderr.write(`Preparing Postgres ${binaries.version} in ${folder}\n`);
    return initialize(binaries, scratch);
  });
  return folder;
}

/**
 * How to name the data folder in which a process has been started. As root's server runs as another
 * user, it may be unable to reach the folder by its path, though it may use what is in it.
 */
export function dataFolderArgument(folder: string): string {
  return postgresUser() && process.platform === 'linux' ? '/proc/self/cwd' : folder;
}

async function initialize({ initdb, postgres }: PostgresBinaries, folder: string): Promise<void> {
  const user = postgresUser();
  if (user) await chown(folder, user.uid, user.gid);
  const data = dataFolderArgument(folder);
  const options = { cwd: folder, env: { LC_ALL: 'C', PATH: process.env.PATH }, ...user };
  // Trust: it listens on loopback only, and holds nothing but test data.
  const like = ['--username=postgres', '--auth=trust', '--encoding=UTF8', '--locale=C'];
  try {
    await run(initdb, ['-D', data, ...like, '--no-sync', '--no-instructions'], options);
    const single = run(postgres, ['--single', '-D', data, 'template1'], options);
    // Renamed, not added: a database is 300 files, to be copied for every server.
    single.child.stdin?.end('ALTER DATABASE postgres RENAME TO ledger;\n');
    await single;
  } catch (cause) {
    throw new Error(`Postgres could not make its first database: ${String(cause)}`, { cause });
  }
}
