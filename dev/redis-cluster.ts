import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import type { PrivateServer } from './private-server.js';
import { clusterPort, startRedis } from './redis-server.js';

export interface ClusterOptions {
  masters?: number;
  /** Replicas of each master. */
  replicas?: number;
  /** Entries of every node's redis.conf. */
  config?: Record<string, string>;
}

export interface PrivateCluster {
  /** The masters, then the first replica of each master, then the second, and so on. */
  readonly nodes: PrivateServer[];
  readonly urls: string[];
  stop(): Promise<void>;
}

const SLOTS = 16_384;
const FORMING_TIMEOUT = 30_000;

const CONFIG = {
  'cluster-enabled': 'yes',
  'cluster-announce-ip': '127.0.0.1',
  // The failover from a dead master takes about twice as long (ms).
  'cluster-node-timeout': '1000',
  // A replica may take over no matter how long it was disconnected.
  'cluster-replica-validity-factor': '0',
  'repl-diskless-sync-delay': '0',
};

/** Resolves when every node knows all others, all slots are served, and all replicas are in sync. */
export async function startRedisCluster(options: ClusterOptions = {}): Promise<PrivateCluster> {
  const { masters = 3, replicas = 0, config } = options;
  const nodes = await startNodes(masters * (1 + replicas), { ...CONFIG, ...config });
  const stop = async () => {
    await Promise.all(nodes.map((node) => node.stop()));
  };
  const clients = nodes.map((node) => new Redis(node.url, { disconnectTimeout: 0 }));
  for (const client of clients) client.on('error', () => {}); // the callers of its commands get the errors
  try {
    await form(nodes, clients, masters);
  } catch (error) {
    await stop();
    throw error;
  } finally {
    for (const client of clients) client.disconnect();
  }
  return { nodes, urls: nodes.map((node) => node.url), stop };
}

async function startNodes(count: number, config: Record<string, string>) {
  const starts = await Promise.allSettled(
    Array.from({ length: count }, () => startRedis({ config })),
  );
  const nodes = starts.flatMap((start) => (start.status === 'fulfilled' ? start.value : []));
  const failed = starts.find((start) => start.status === 'rejected');
  if (!failed) return nodes;
  await Promise.all(nodes.map((node) => node.stop()));
  throw failed.reason;
}

async function form(nodes: PrivateServer[], clients: Redis[], masters: number): Promise<void> {
  await Promise.all(clients.slice(0, masters).map((client, n) => giveSlots(client, n, masters)));
  for (const node of nodes.slice(1)) {
    await clients[0]?.call('CLUSTER', 'MEET', '127.0.0.1', node.port, clusterPort(node.port));
  }
  await everyNode(clients, async (client) => (await peers(client)).length === nodes.length);
  const ids = await Promise.all(clients.map((client) => client.call('CLUSTER', 'MYID')));
  for (const [n, replica] of clients.slice(masters).entries()) {
    await replica.call('CLUSTER', 'REPLICATE', String(ids[n % masters]));
  }
  await everyNode(clients, (client) => isFormed(client, masters, nodes.length - masters));
}

async function giveSlots(client: Redis, n: number, masters: number): Promise<void> {
  // Masters with the same epoch would have to resolve that conflict first.
  await client.call('CLUSTER', 'SET-CONFIG-EPOCH', n + 1);
  const first = Math.floor((n * SLOTS) / masters);
  const next = Math.floor(((n + 1) * SLOTS) / masters);
  await client.call('CLUSTER', 'ADDSLOTSRANGE', first, next - 1);
}

async function isFormed(client: Redis, masters: number, replicas: number): Promise<boolean> {
  const all = await peers(client);
  const serving = all.filter(({ flags, slots }) => flags.includes('master') && slots.length > 0);
  const following = all.filter(({ flags }) => flags.includes('slave'));
  const info = String(await client.call('CLUSTER', 'INFO'));
  const replication = await client.info('replication');
  return (
    serving.length === masters &&
    following.length === replicas &&
    info.includes('cluster_state:ok') &&
    !replication.includes('master_link_status:down')
  );
}

/** The nodes that this one is connected to, including itself. */
async function peers(client: Redis): Promise<{ flags: string[]; slots: string[] }[]> {
  const lines = String(await client.call('CLUSTER', 'NODES'))
    .trim()
    .split('\n');
  return lines
    .map((line) => line.split(' '))
    .filter(
      ([, , flags = '', , , , , link]) => link === 'connected' && !/handshake|fail/.test(flags),
    )
    .map(([, , flags = '', , , , , , ...slots]) => ({ flags: flags.split(','), slots }));
}

async function everyNode(clients: Redis[], condition: (client: Redis) => Promise<boolean>) {
  const deadline = Date.now() + FORMING_TIMEOUT;
  while (!(await Promise.all(clients.map(condition))).every(Boolean)) {
    if (Date.now() > deadline)
      throw new Error(`The Redis Cluster did not form within ${FORMING_TIMEOUT} ms.`);
    await delay(10);
  }
}
