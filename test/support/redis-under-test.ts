import { Redis } from 'ioredis';

import { startRedis, startRedisCluster, type PrivateServer } from '../../dev/index.js';
import type { RedisConnection } from '../../src/store/connect.js';

/** A private Redis that a spec runs on: a single server or a Cluster, told apart nowhere else. */
export interface RedisUnderTest {
  readonly name: string;
  /** What an application would give as `redis`. */
  readonly connection: Exclude<RedisConnection, Redis>;
  readonly servers: PrivateServer[];
  /** A connection to each server, beside those of the application. */
  readonly nodes: Redis[];
  stop(): Promise<void>;
}

export async function singleRedis(config?: Record<string, string>): Promise<RedisUnderTest> {
  const server = await startRedis({ config });
  return underTest('a single Redis', server.url, [server], () => server.stop());
}

/** Three masters. */
export async function redisCluster(config?: Record<string, string>): Promise<RedisUnderTest> {
  const cluster = await startRedisCluster({ config });
  const nodes = cluster.nodes.map(({ port }) => ({ host: '127.0.0.1', port }));
  // A client that is closed while it connects would otherwise keep the process for two seconds.
  const connection = { nodes, redisOptions: { disconnectTimeout: 0 } };
  return underTest('a Redis Cluster', connection, cluster.nodes, () => cluster.stop());
}

/** For `describe.each`: what must hold on both. */
export const eachRedis: [string, () => Promise<RedisUnderTest>][] = [
  ['a single Redis', () => singleRedis()],
  ['a Redis Cluster', () => redisCluster()],
];

function underTest(
  name: string,
  connection: RedisUnderTest['connection'],
  servers: PrivateServer[],
  stopServers: () => Promise<void>,
): RedisUnderTest {
  const nodes = servers.map(({ url }) => new Redis(url));
  // Tests that kill a server see it in the calls that fail.
  for (const node of nodes) node.on('error', () => undefined);
  const stop = async () => {
    for (const node of nodes) node.disconnect();
    await stopServers();
  };
  return { name, connection, servers, nodes, stop };
}
