import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { Redis } from 'ioredis';

import { type PrivateServer, startServer, type ServerKind } from './private-server.js';
import { redisBinary } from './redis-binary.js';
import { startRedis } from './redis-server.js';

/** A master, its replicas, and the Sentinels that watch them. */
export interface PrivateSentinel {
  /** Sentinel's name for the master. */
  readonly name: string;
  /** The server that was the master at the start, then its replicas. */
  readonly servers: PrivateServer[];
  readonly sentinels: PrivateServer[];
  /** Starts a failover with `SENTINEL FAILOVER`. Resolves when every Sentinel names the new master. */
  failOver(): Promise<void>;
  stop(): Promise<void>;
}

const NAME = 'sessions';
const SENTINELS = 3;
const FORMING_TIMEOUT_MS = 30_000;

const MASTER = { 'repl-diskless-sync-delay': '0' };

export interface SentinelOptions {
  /** Default: 1. */
  replicas?: number;
  /** Entries of every server's redis.conf. */
  config?: Record<string, string>;
}

/** Resolves when all replicas are in sync and every Sentinel knows the replicas and the others. */
export async function startRedisSentinel(options: SentinelOptions = {}): Promise<PrivateSentinel> {
  const { replicas: count = 1, config } = options;
  const started: PrivateServer[] = [];
  const start = async (starting: Promise<PrivateServer>) => {
    const server = await starting;
    started.push(server);
    return server;
  };
  const stop = async () => {
    await Promise.all(started.map((server) => server.stop()));
  };
  try {
    const master = await start(startRedis({ config: { ...MASTER, ...config } }));
    const replicaof = `127.0.0.1 ${master.port}`;
    const replicas = await Promise.all(
      Array.from({ length: count }, () =>
        start(startRedis({ config: { ...MASTER, ...config, replicaof } })),
      ),
    );
    const sentinels = await Promise.all(
      Array.from({ length: SENTINELS }, () => start(startServer(sentinel(master.port), {}))),
    );
    await Promise.all([...replicas.map(inSync), ...sentinels.map((each) => formed(each, count))]);
    const failOver = () => orderFailover(sentinels);
    return { name: NAME, servers: [master, ...replicas], sentinels, failOver, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

function sentinel(masterPort: number): ServerKind {
  return {
    name: 'Sentinel',
    stopSignal: 'SIGTERM',
    url: (port) => `redis://127.0.0.1:${port}`,
    async command(port, folder) {
      const binary = await redisBinary();
      const configFile = join(folder, 'sentinel.conf');
      await mkdir(folder, { recursive: true });
      await writeFile(configFile, sentinelConfig(port, masterPort));
      const logFile = join(folder, 'server.log');
      return { ...binary, args: [configFile, '--sentinel'], cwd: folder, logFile };
    },
    isReady: (pid, port) =>
      ask(port, async (client) =>
        String(await client.call('INFO', 'server')).includes(`process_id:${pid}\r`),
      ).catch(() => false),
  };
}

function sentinelConfig(port: number, masterPort: number): string {
  return [
    `port ${port}`,
    'bind 127.0.0.1',
    `sentinel monitor ${NAME} 127.0.0.1 ${masterPort} 2`,
    `sentinel down-after-milliseconds ${NAME} 1000`,
    `sentinel failover-timeout ${NAME} 5000`,
    '',
  ].join('\n');
}

async function inSync({ port }: PrivateServer): Promise<void> {
  await eventually(() =>
    ask(port, async (client) => (await client.info('replication')).includes('link_status:up')),
  );
}

async function formed({ port }: PrivateServer, replicas: number): Promise<void> {
  await eventually(() =>
    ask(port, async (client) => {
      const info = String(await client.call('INFO', 'sentinel'));
      return (
        info.includes('status=ok') && info.includes(`slaves=${replicas},sentinels=${SENTINELS}`)
      );
    }),
  );
}

async function orderFailover(sentinels: PrivateServer[]): Promise<void> {
  const [leader] = sentinels;
  const before = await portOfMaster(leader!);
  await eventually(async () => {
    await ask(leader!.port, (client) => client.call('SENTINEL', 'FAILOVER', NAME)).catch(() => {}); // fails while one is in progress
    return (await portOfMaster(leader!)) !== before;
  });
  // Without the others, the new master is forgotten if the leader dies now.
  await eventually(async () =>
    (await Promise.all(sentinels.map(portOfMaster))).every((port) => port !== before),
  );
}

async function portOfMaster({ port }: PrivateServer): Promise<string | undefined> {
  const address = await ask(port, (client) =>
    client.call('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', NAME),
  );
  return (address as string[])[1];
}

async function ask<T>(port: number, question: (client: Redis) => Promise<T>): Promise<T> {
  const client = new Redis({
    host: '127.0.0.1',
    port,
    lazyConnect: true,
    enableReadyCheck: false,
    retryStrategy: () => null,
    commandTimeout: 5_000,
    disconnectTimeout: 0, // otherwise its timer keeps the process alive for 2 s
  });
  client.on('error', () => {});
  try {
    await client.connect();
    return await question(client);
  } finally {
    client.disconnect();
  }
}

async function eventually(condition: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + FORMING_TIMEOUT_MS;
  while (!(await condition())) {
    if (Date.now() > deadline)
      throw new Error(`Sentinel was not ready in ${FORMING_TIMEOUT_MS} ms.`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
