import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Redis } from 'ioredis';
import { type Place, type PrivateServer, runServer, type ServerKind } from './private-server.js';
import { redisBinary } from './redis-binary.js';
import type { Command } from './supervised-process.js';

export interface RedisOptions extends Place {
  /** Entries of redis.conf, over the defaults below. */
  config?: Record<string, string>;
}

const CONFIG = {
  bind: '127.0.0.1',
  'maxmemory-policy': 'noeviction',
  save: '',
  appendonly: 'no',
  // Stopping a master must not wait for replicas, which are being stopped as well.
  'shutdown-timeout': '0',
};

export function startRedis(options: RedisOptions = {}): Promise<PrivateServer> {
  const { config, ...place } = options;
  return runServer(redis({ ...CONFIG, ...config }), place);
}

function redis(config: Record<string, string>): ServerKind {
  return {
    name: 'Redis',
    stopSignal: 'SIGTERM',
    url: (port) => `redis://127.0.0.1:${port}`,
    command: (port, folder) => command({ ...config, ...ports(port) }, folder),
    answers: (pid, port) => answers(pid, port, config.requirepass),
  };
}

/** Where the nodes of a cluster talk: below their free ports, as Redis's own choice is above them. */
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
  await refuseSharing(configFile);
  await writeFile(configFile, lines(config));
  const logFile = join(folder, 'server.log');
  return { ...binary, args: [configFile], cwd: data, logFile };
}

// An entry may hold several words (`save 3600 1`), so only an empty one is quoted.
function lines(config: Record<string, string>): string {
  return Object.entries(config)
    .map(([name, value]) => `${name} ${value === '' ? '""' : value}\n`)
    .join('');
}

// Redis does not notice when another one writes to the same files. Postgres does.
async function refuseSharing(configFile: string): Promise<void> {
  const config = await readFile(configFile, 'utf8').catch(() => '');
  const [, port] = /^port (\d+)$/m.exec(config) ?? [];
  const [, password] = /^requirepass (.+)$/m.exec(config) ?? [];
  if (port && (await info(Number(port), password)).includes(`config_file:${configFile}\r`)) {
    throw new Error(`A Redis already runs in ${dirname(configFile)}, on port ${port}.`);
  }
}

// Asks for the process ID, as another server may have been quicker to take this port.
async function answers(pid: number, port: number, password?: string): Promise<boolean> {
  const told = await info(port, password);
  return told.includes(`process_id:${pid}\r`) && told.includes('loading:0\r');
}

/** What the server tells about itself: nothing, where none answers. */
async function info(port: number, password?: string): Promise<string> {
  const client = new Redis({
    host: '127.0.0.1',
    port,
    password,
    lazyConnect: true,
    enableReadyCheck: false,
    retryStrategy: () => null,
    commandTimeout: 1_000,
    disconnectTimeout: 0, // else its timer keeps the process alive for 2 s
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
