import { execFile } from 'node:child_process';
import { chown, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Client } from 'pg';
import { createOnce } from './create-once.js';
import { postgresBinaries } from './postgres-binaries.js';
import { copyTemplate, dataFolderArgument } from './postgres-template.js';
import { postgresUser } from './postgres-user.js';
import {
  type ServerLocation,
  type PrivateServer,
  startServer,
  type ServerKind,
} from './private-server.js';
import type { Command } from './supervised-process.js';

const run = promisify(execFile);

export interface PostgresOptions extends ServerLocation {
  /** Entries of postgresql.conf that override or extend the defaults below. */
  config?: Record<string, string>;
}

export interface PrivatePostgres extends PrivateServer {
  /** Creates another database next to `ledger`. Returns its URL. */
  createDatabase(name: string): Promise<string>;
}

// The durability settings are those of production, because the fault campaign tests it.
const CONFIG = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: '100',
  shared_buffers: '128MB',
  // In the data folder, so that a SIGKILL leaves nothing in /dev/shm.
  dynamic_shared_memory_type: 'mmap',
  timezone: 'UTC',
  log_timezone: 'UTC',
};

export async function startPostgres(options: PostgresOptions = {}): Promise<PrivatePostgres> {
  const { config, ...location } = options;
  const server = await startServer(postgres({ ...CONFIG, ...config }), location);
  return Object.assign(server, {
    createDatabase: (name: string) => createDatabase(server.port, name),
  });
}

function postgres(config: Record<string, string>): ServerKind {
  return {
    name: 'Postgres',
    stopSignal: 'SIGINT', // a fast shutdown; on SIGTERM, it would wait for clients to disconnect
    url: (port) => databaseUrl(port, 'ledger'),
    command: (port, folder) => command({ ...config, port: String(port) }, folder),
    isReady,
    afterKill: removeSharedMemory,
  };
}

async function command(config: Record<string, string>, folder: string): Promise<Command> {
  const data = join(folder, 'data');
  const user = postgresUser();
  await createOnce(data, async (scratch) => {
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

// pg_ctl uses this file, too. A connection would show no more, and might reach another server.
async function isReady(pid: number, _port: number, folder: string): Promise<boolean> {
  const lines = await pidFile(folder);
  return lines[0] === String(pid) && lines[7]?.trim() === 'ready';
}

// This segment shows Postgres that its data is in use. A killed server leaves it behind, and a system
// has few of them: 32 on macOS.
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
