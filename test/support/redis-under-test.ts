import { Redis } from 'ioredis';

import { startRedis, startRedisCluster, type PrivateServer } from '../../dev/index.js';
import type { RedisConnection } from '../../src/store/connect.js';

/** A private Redis for tests: a single server or a Cluster. */
export interface RedisUnderTest {
  readonly name: string;
  /** The value for the option `redis`. */
  readonly connection: Exclude<RedisConnection, Redis>;
  readonly servers: PrivateServer[];
  /** The test's own connections, one to each server. */
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
  // A client that is closed while connecting would otherwise keep the process alive for two seconds.
  const connection = { nodes, redisOptions: { disconnectTimeout: 0 } };
  return underTest('a Redis Cluster', connection, cluster.nodes, () => cluster.stop());
}

declare global {
  /** Which Redis this jest project runs on: see `jest.config.mjs`. */
  var REDIS: 'single' | 'cluster' | 'memory';
}

/**
 * The Redis of this jest project. A spec named `x.both.spec.ts` runs on a single server and again
 * on a Cluster; all others run on a single server.
 */
export function projectRedis(): Promise<RedisUnderTest> {
  return globalThis.REDIS === 'cluster' ? redisCluster() : singleRedis();
}

/** The position of the server that serves this key. */
export async function serverOfKey({ nodes }: RedisUnderTest, key: string): Promise<number> {
  // The other masters of a Cluster reply with MOVED.
  const replies = await Promise.allSettled(nodes.map((node) => node.exists(key)));
  return replies.findIndex(({ status }) => status === 'fulfilled');
}

function underTest(
  name: string,
  connection: RedisUnderTest['connection'],
  servers: PrivateServer[],
  stopServers: () => Promise<void>,
): RedisUnderTest {
  const nodes = servers.map(({ url }) => new Redis(url));
  // Tests that kill a server notice it by failing calls.
  for (const node of nodes) node.on('error', () => undefined);
  const stop = async () => {
    for (const node of nodes) node.disconnect();
    await stopServers();
  };
  return { name, connection, servers, nodes, stop };
}
