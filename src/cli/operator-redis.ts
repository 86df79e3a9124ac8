import { Cluster, Redis, type RedisOptions } from 'ioredis';

import { BoundedRedis, type RedisClient } from '../store/bounded-redis.js';
import { metaKey } from '../store/redis-keys.js';
import { LAYOUT_VERSION } from '../store/startup-checks.js';
import type { Environment } from './environment.js';
import { UsageError } from './usage-error.js';

/** How long a command to Redis may take, ms. */
export const REDIS_TIMEOUT = 5_000;

/** An operator wants to know that Redis is away, not to wait until it is back. */
const OPTIONS: RedisOptions = {
  lazyConnect: true,
  connectTimeout: REDIS_TIMEOUT,
  maxRetriesPerRequest: 0,
  retryStrategy: () => null,
  disconnectTimeout: 0, // else its timer keeps the process alive for 2 s
};

/** A client that never connects, for commands that ask Postgres alone. */
export function idleRedis(): RedisClient {
  return new Redis(OPTIONS);
}

/** Connects to what REDIS_URL names: a Redis, or any node of a Cluster. */
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
 * How many buckets there are, as the module wrote it down. A number that differs would leave
 * events where they are, or look where there are none.
 */
export async function readBuckets(
  client: RedisClient,
  { prefix, buckets: given }: Environment,
): Promise<number> {
  const [layout, found] = await bounded(client, client.hmget(metaKey(prefix), 'layout', 'buckets'));
  if (!found) {
    if (given) return given;
    throw new UsageError(
      `Redis knows of no sessions under the prefix '${prefix}': it has no key ${metaKey(prefix)}. ` +
        'Set SESSION_PREFIX to what the module has as `prefix`, or SESSION_BUCKETS.',
    );
  }
  if (layout !== LAYOUT_VERSION) {
    throw new UsageError(
      `The sessions under the prefix '${prefix}' have layout ${layout}, and this program knows ` +
        `layout ${LAYOUT_VERSION}. Use the version of the package that the application uses.`,
    );
  }
  if (given && String(given) !== found) {
    throw new UsageError(
      `SESSION_BUCKETS is ${given}, and the sessions under the prefix '${prefix}' lie in ${found} ` +
        'buckets. Leave it out.',
    );
  }
  return Number(found);
}

/** ioredis names the reason in an event, and then fails with 'Connection is closed.' */
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

/** Errors reach us as failed commands; without a listener ioredis prints them as unhandled. */
function quiet<T extends RedisClient>(client: T): T {
  client.on('error', () => undefined);
  return client;
}
