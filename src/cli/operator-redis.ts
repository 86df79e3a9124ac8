import { Cluster, Redis, type RedisOptions } from 'ioredis';

import { BoundedRedis, type RedisClient } from '../store/bounded-redis.js';
import { metaKey } from '../store/redis-keys.js';
import { LAYOUT_VERSION } from '../store/startup-checks.js';
import type { Environment } from './environment.js';
import { UsageError } from './failure.js';

/** Timeout of a Redis command (ms). */
export const REDIS_TIMEOUT = 5_000;

/** No retries: report that Redis is unavailable instead of waiting for it. */
const OPTIONS: RedisOptions = {
  lazyConnect: true,
  connectTimeout: REDIS_TIMEOUT,
  maxRetriesPerRequest: 0,
  retryStrategy: () => null,
  disconnectTimeout: 0, // the default keeps the process alive for 2 s
};

/** A client that never connects, for commands that use only Postgres. */
export function idleRedis(): RedisClient {
  return new Redis(OPTIONS);
}

/** Connects to a single Redis, or to a Cluster through any of its nodes. */
export async function connectRedis(url: string): Promise<RedisClient> {
  const node = quiet(new Redis(url, OPTIONS));
  try {
    await connected(node);
    const info = await bounded(node, node.info('cluster'));
    if (!info.includes('cluster_enabled:1')) return node;
  } catch (error) {
    node.disconnect();
    throw error;
  }
  node.disconnect();
  return connectCluster(node.options);
}

async function connectCluster(options: RedisOptions): Promise<Cluster> {
  const { host, port, username, password, tls } = options;
  const cluster = quiet(
    new Cluster([{ host, port }], {
      lazyConnect: true,
      clusterRetryStrategy: () => null,
      redisOptions: { ...OPTIONS, username, password, tls },
    }),
  );
  try {
    await bounded(cluster, cluster.connect());
    return cluster;
  } catch (error) {
    cluster.disconnect();
    throw error;
  }
}

/**
 * Reads the number of buckets, which the module stores in Redis. With a wrong number, a command
 * would miss events or look in buckets that don't exist.
 *
 * @param bound the number that the audit tables are bound to, for a Redis that was emptied
 */
export async function readBuckets(
  client: RedisClient,
  { prefix, buckets: given }: Environment,
  bound: number | null,
): Promise<number> {
  const [layout, found] = await bounded(client, client.hmget(metaKey(prefix), 'layout', 'buckets'));
  if (!found) {
    if (given ?? bound) return (given ?? bound)!;
    throw new UsageError(
      `Redis has no sessions with the prefix '${prefix}': the key ${metaKey(prefix)} is missing. ` +
        "Set SESSION_PREFIX to the module's `prefix` option. If no session was created yet, set " +
        'SESSION_BUCKETS.',
    );
  }
  if (layout !== LAYOUT_VERSION) {
    throw new UsageError(
      `The sessions with the prefix '${prefix}' have layout ${layout}; this program supports ` +
        `layout ${LAYOUT_VERSION}. Use the same package version as the application.`,
    );
  }
  if (given && String(given) !== found) {
    throw new UsageError(
      `SESSION_BUCKETS is ${given}, but the sessions with the prefix '${prefix}' are in ${found} ` +
        'buckets. Unset it.',
    );
  }
  return Number(found);
}

/** ioredis emits the reason as an event and then rejects with 'Connection is closed.' */
async function connected(node: Redis): Promise<void> {
  let reason: Error | undefined;
  const remember = (error: Error) => (reason ??= error);
  node.on('error', remember);
  try {
    await bounded(node, node.connect());
  } catch (error) {
    throw reason ? await bounded(node, Promise.reject(reason)) : error;
  } finally {
    node.off('error', remember);
  }
}

function bounded<T>(client: RedisClient, command: Promise<T>): Promise<T> {
  return new BoundedRedis(client, REDIS_TIMEOUT).bounded(command);
}

/** Errors also reject the commands. Without a listener, ioredis would print them as unhandled. */
function quiet<T extends RedisClient>(client: T): T {
  client.on('error', () => undefined);
  return client;
}
