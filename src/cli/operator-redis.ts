import { Cluster, Redis, type ClusterNode, type RedisOptions } from 'ioredis';

import { BoundedRedis, type RedisClient } from '../store/bounded-redis.js';
import { secureNodes } from '../store/cluster-nodes.js';
import { metaKey } from '../store/redis-keys.js';
import { LAYOUT_VERSION } from '../store/startup-checks.js';
import type { Environment } from './environment.js';
import { UsageError } from './failure.js';
import type { RedisAccess, RedisLocation } from './redis-environment.js';

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

/** Connects to the master: a single Redis, the one that Sentinel names, or those of a Cluster. */
export async function connectRedis(location: RedisLocation): Promise<RedisClient> {
  if ('nodes' in location) return connectCluster(location.nodes, accessOptions(location.access));
  const node = quiet(
    'url' in location ? new Redis(location.url, OPTIONS) : behindSentinel(location),
  );
  try {
    await connected(node);
    const info = await bounded(node, Promise.all([node.info('cluster'), node.info('replication')]));
    if (info[0].includes('cluster_enabled:1')) {
      node.disconnect();
      const { host, port, username, password, tls } = node.options;
      return await connectCluster([{ host, port }], { username, password, tls });
    }
    rejectReplica(info[1]);
    return node;
  } catch (error) {
    node.disconnect();
    throw error;
  }
}

function behindSentinel(location: Extract<RedisLocation, { sentinels: unknown }>): Redis {
  const { sentinels, master: name, access, sentinelUsername, sentinelPassword } = location;
  return new Redis({
    ...OPTIONS,
    ...accessOptions(access),
    name,
    sentinels,
    sentinelUsername,
    sentinelPassword,
    sentinelTLS: access.tls ? {} : undefined,
    enableTLSForSentinelMode: access.tls,
    sentinelCommandTimeout: REDIS_TIMEOUT,
    sentinelRetryStrategy: () => null,
  });
}

function accessOptions({ username, password, tls }: RedisAccess): RedisOptions {
  return { username, password, tls: tls ? {} : undefined };
}

/** What a replica knows may be outdated: it could list as missing what the master has. */
function rejectReplica(replication: string): void {
  const [, host] = /^master_host:(.*?)\r?$/m.exec(replication) ?? [];
  if (host === undefined) return;
  throw new UsageError(
    `This Redis is a replica of ${host}. Set REDIS_URL to the master, or REDIS_SENTINELS and ` +
      'REDIS_MASTER if Sentinel chooses it.',
  );
}

async function connectCluster(nodes: ClusterNode[], options: RedisOptions): Promise<Cluster> {
  const cluster = quiet(
    new Cluster(nodes, {
      lazyConnect: true,
      clusterRetryStrategy: () => null,
      redisOptions: { ...OPTIONS, ...options },
    }),
  );
  try {
    await connected(cluster);
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
        "Set SESSION_PREFIX to the module's `prefix` option. If the prefix is right, this Redis is new " +
        "or was emptied: set SESSION_BUCKETS to the module's `buckets` option.",
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

/** The events with the reason why no connection was made. */
const REASONS = ['error', 'sentinelError', 'node error'];

/** ioredis emits the reason as an event and then rejects with 'Connection is closed.', for example. */
async function connected(node: RedisClient): Promise<void> {
  let reason: Error | undefined;
  const remember = (error: Error) => (reason ??= error);
  for (const event of REASONS) node.on(event, remember);
  try {
    await bounded(node, node.connect());
  } catch (error) {
    if (/No such master|invalid reply: null$/.test(reason?.message ?? ''))
      throw unknownMaster(node.options as RedisOptions);
    throw reason ? await bounded(node, Promise.reject(reason)) : error;
  } finally {
    for (const event of REASONS) node.off(event, remember);
  }
}

function unknownMaster({ name }: RedisOptions): UsageError {
  return new UsageError(
    `REDIS_MASTER is ${JSON.stringify(name)}, and the Sentinels know no master of that name. Use ` +
      'the name in `sentinel monitor NAME …`.',
  );
}

function bounded<T>(client: RedisClient, command: Promise<T>): Promise<T> {
  return new BoundedRedis(client, REDIS_TIMEOUT).bounded(command);
}

/** Errors also reject the commands. Without a listener, ioredis would print them as unhandled. */
function quiet<T extends RedisClient>(client: T): T {
  client.on('error', () => undefined);
  secureNodes(client);
  return client;
}
