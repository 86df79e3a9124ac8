import { Cluster, Redis, type ClusterNode, type ClusterOptions, type RedisOptions } from 'ioredis';

import type { RedisClient } from './bounded-redis.js';

/** A Cluster by its nodes, with ioredis's own options beside them. */
export type RedisClusterConnection = ClusterOptions & { nodes: ClusterNode[] };

/** How to reach Redis: a URL, ioredis's options, a Cluster's nodes, or a live ioredis client. */
export type RedisConnection = string | RedisOptions | RedisClusterConnection | RedisClient;

/** A client, and how to let go of it: what was opened here is closed, what was given is left open. */
export interface OpenedRedis {
  client: RedisClient;
  close(): Promise<void>;
}

export function openRedis(connection: RedisConnection, timeout: number): OpenedRedis {
  if (isClient(connection)) return { client: connection, close: async () => undefined };
  const client = connect(connection, timeout);
  // Errors reach callers as failed commands; without a listener ioredis prints them as unhandled.
  client.on('error', () => undefined);
  return { client, close: async () => client.disconnect() };
}

export function isClient(connection: RedisConnection): connection is RedisClient {
  return (
    connection instanceof Redis || connection instanceof Cluster || isForeignClient(connection)
  );
}

/** A client made by another copy of ioredis in the same application. */
function isForeignClient(connection: RedisConnection): connection is RedisClient {
  return typeof connection === 'object' && 'evalsha' in connection && 'duplicate' in connection;
}

function connect(connection: Exclude<RedisConnection, RedisClient>, timeout: number): RedisClient {
  const options = requestOptions(timeout);
  if (typeof connection === 'string') return new Redis(connection, options);
  if (!('nodes' in connection)) return new Redis({ ...options, ...connection });
  const { nodes, redisOptions, ...clusterOptions } = connection;
  return new Cluster(nodes, {
    enableAutoPipelining: true,
    ...clusterOptions,
    redisOptions: { ...options, ...redisOptions },
  });
}

/** Requests need bounds, unlike BullMQ's blocking connections. */
function requestOptions(timeout: number): RedisOptions {
  return {
    // Each script is written at once, so that Redis works on it while the next one is made.
    // ioredis's auto-pipelining waits for a batch's last reply before it sends the next: a plain
    // script ran half as often that way. What is worth gathering is gathered by ourselves, see
    // `batched-reads.ts` and `batched-creates.ts`.
    enableAutoPipelining: false,
    // A command is given up at the next failed reconnection: nothing piles up while Redis is away.
    maxRetriesPerRequest: 1,
    // A link that went silent (half open, or a stopped server) is dropped and made anew; what
    // waits on it would otherwise hold all later commands back.
    socketTimeout: 2 * timeout,
    connectTimeout: 2 * timeout,
    retryStrategy: (attempt) => Math.min(25 * 2 ** Math.min(attempt, 5), 500),
  };
}
