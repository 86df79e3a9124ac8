import { execFile } from 'node:child_process';
import { chown, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Client } from 'pg';
import { madeOnce } from './made-once.js';
import { postgresBinaries } from './postgres-binaries.js';
import { copyTemplate, dataFolderArgument } from './postgres-template.js';
import { postgresUser } from './postgres-user.js';
import { type Place, type PrivateServer, runServer, type ServerKind } from './private-server.js';
import type { Command } from './supervised-process.js';

const run = promisify(execFile);

export interface PostgresOptions extends Place {
  /** Entries of postgresql.conf, over the defaults below. */
  config?: Record<string, string>;
}

export interface PrivatePostgres extends PrivateServer {
  /** Makes another database beside `ledger` and gives its URL. */
  createDatabase(name: string): Promise<string>;
}

// Durability stays as in production: the faults are about it.
const CONFIG = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: '100',
  shared_buffers: '128MB',
  // In the data folder, so that nothing is left in /dev/shm after a SIGKILL.
  dynamic_shared_memory_type: 'mmap',
  timezone: 'UTC',
  log_timezone: 'UTC',
};

export async function startPostgres(options: PostgresOptions = {}): Promise<PrivatePostgres> {
  const { config, ...place } = options;
  const server = await runServer(postgres({ ...CONFIG, ...config }), place);
  return Object.assign(server, {
    createDatabase: (name: string) => createDatabase(server.port, name),
  });
}

function postgres(config: Record<string, string>): ServerKind {
  return {
    name: 'Postgres',
    stopSignal: 'SIGINT', // its "fast" shutdown; SIGTERM would wait for all clients to leave
    url: (port) => databaseUrl(port, 'ledger'),
    command: (port, folder) => command({ ...config, port: String(port) }, folder),
    answers: saysReady,
    afterKill: removeSharedMemory,
  };
}

async function command(config: Record<string, string>, folder: string): Promise<Command> {
  const data = join(folder, 'data');
  const user = postgresUser();
  await madeOnce(data, async (scratch) => {
    await copyTemplate(scratch);
    if (user) await chown(scratch, user.uid, user.gid);
  });
  const settings = Object.entries(config).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  return {
    file: (await postgresBinaries()).postgres,
    args: ['-D', dataFolderArgument(data), ...settings],
    env: { LC_ALL: 'C', PATH: process.env.PATH },
    cwd: data,
    logFile: join(folder, 'server.log'),
    user,
  };
}

// What pg_ctl looks at, too: a connection would tell no more, and might reach another server.
async function saysReady(pid: number, _port: number, folder: string): Promise<boolean> {
  const lines = await pidFile(folder);
  return lines[0] === String(pid) && lines[7]?.trim() === 'ready';
}

// By this segment Postgres knows that its data is in use. It outlives a kill, is missed by nobody,
// and there are few of them: 32 on macOS.
async function removeSharedMemory(folder: string): Promise<void> {
  const [, id] = (await pidFile(folder))[6]?.trim().split(/\s+/) ?? [];
  if (id) await run('ipcrm', ['-m', id]).catch(() => {});
}

async function pidFile(folder: string): Promise<string[]> {
  const text = await readFile(join(folder, 'data', 'postmaster.pid'), 'utf8').catch(() => '');
  return text.split('\n');
}

async function createDatabase(port: number, name: string): Promise<string> {
  const client = new Client({ connectionString: databaseUrl(port, 'ledger') });
  await client.connect();
  try {
    await client.query(`CREATE DATABASE ${client.escapeIdentifier(name)}`);
  } finally {
    await client.end();
  }
  return databaseUrl(port, name);
}

function databaseUrl(port: number, name: string): string {
  return `postgres://postgres@127.0.0.1:${port}/${encodeURIComponent(name)}`;
}
