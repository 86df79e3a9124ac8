import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Redis } from 'ioredis';
import {
  type ServerLocation,
  type PrivateServer,
  startServer,
  type ServerKind,
} from './private-server.js';
import { redisBinary } from './redis-binary.js';
import type { Command } from './supervised-process.js';

export interface RedisOptions extends ServerLocation {
  /** Entries of redis.conf that override or extend the defaults below. */
  config?: Record<string, string>;
}

const CONFIG = {
  bind: '127.0.0.1',
  'maxmemory-policy': 'noeviction',
  // At the default of 10, Redis's own expiry of 100,000 keys stalls reads by 25 ms.
  hz: '100',
  save: '',
  appendonly: 'no',
  // A master that stops must not wait for its replicas, because they are being stopped as well.
  'shutdown-timeout': '0',
};

export function startRedis(options: RedisOptions = {}): Promise<PrivateServer> {
  const { config, ...location } = options;
  return startServer(redis({ ...CONFIG, ...config }), location);
}

function redis(config: Record<string, string>): ServerKind {
  return {
    name: 'Redis',
    stopSignal: 'SIGTERM',
    url: (port) => `redis://127.0.0.1:${port}`,
    command: (port, folder) => command({ ...config, ...ports(port) }, folder),
    isReady: (pid, port) => isReady(pid, port, config.requirepass),
  };
}

/** The port of a node's cluster bus. Redis's default is above the range of our free ports; this is below. */
export function clusterPort(port: number): number {
  return port - 10_000;
}

function ports(port: number): Record<string, string> {
  return { port: String(port), 'cluster-port': String(clusterPort(port)) };
}

async function command(config: Record<string, string>, folder: string): Promise<Command> {
  const binary = await redisBinary();
  const data = join(folder, 'data');
  const configFile = join(folder, 'redis.conf');
  await mkdir(data, { recursive: true });
  await rejectSharedFolder(configFile);
  await writeFile(configFile, lines(config));
  const logFile = join(folder, 'server.log');
  return { ...binary, args: [configFile], cwd: data, logFile };
}

// A value can consist of several words (`save 3600 1`), so only an empty one is quoted.
function lines(config: Record<string, string>): string {
  return Object.entries(config)
    .map(([name, value]) => `${name} ${value === '' ? '""' : value}\n`)
    .join('');
}

// Redis doesn't notice if another server writes to the same files; Postgres does.
async function rejectSharedFolder(configFile: string): Promise<void> {
  const config = await readFile(configFile, 'utf8').catch(() => '');
  const [, port] = /^port (\d+)$/m.exec(config) ?? [];
  const [, password] = /^requirepass (.+)$/m.exec(config) ?? [];
  if (port && (await info(Number(port), password)).includes(`config_file:${configFile}\r`)) {
    throw new Error(`A Redis already runs in ${dirname(configFile)}, on port ${port}.`);
  }
}

// Compares the process ID, because another server may have taken this port.
async function isReady(pid: number, port: number, password?: string): Promise<boolean> {
  const text = await info(port, password);
  return text.includes(`process_id:${pid}\r`) && text.includes('loading:0\r');
}

/** The server's INFO; empty if no server answers. */
async function info(port: number, password?: string): Promise<string> {
  const client = new Redis({
    host: '127.0.0.1',
    port,
    password,
    lazyConnect: true,
    enableReadyCheck: false,
    retryStrategy: () => null,
    commandTimeout: 1_000,
    disconnectTimeout: 0, // otherwise its timer keeps the process alive for 2 s
  });
  client.on('error', () => {});
  try {
    await client.connect();
    return await client.info();
  } catch {
    return '';
  } finally {
    client.disconnect();
  }
}
