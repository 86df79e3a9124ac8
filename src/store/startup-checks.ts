import { messageOf, SessionError } from '../errors.js';
import { redisError, type RedisClient } from './bounded-redis.js';
import type { Buckets } from './buckets.js';
import { metaKey } from './redis-keys.js';

/** Changes with the layout of the keys, so that two versions never write under one prefix. */
export const LAYOUT_VERSION = '2';
const OLDEST_REDIS = 7;

/**
 * Rejects a Redis that can't be trusted with sessions, before the first one is created.
 *
 * @returns warnings: settings that are allowed, but lose more than necessary
 * @throws SessionError `ERR_SESSION_OPTIONS`, `ERR_SESSION_REDIS_UNSUITABLE`
 */
export async function checkRedis(buckets: Buckets): Promise<string[]> {
  rejectKeyPrefix(buckets.client);
  rejectReplicaReads(buckets.client);
  rejectAutoPipelining(buckets.client);
  rejectGivingUp(buckets.client);
  const infos = await buckets.redis.bounded(readInfos(buckets.client));
  infos.forEach(checkServer);
  await checkLayout(buckets);
  return infos.some(goesOnWithoutReplicas) ? [WITHOUT_REPLICAS] : [];
}

/** ioredis adds `keyPrefix` to declared keys only, so keys made inside scripts would go astray. */
function rejectKeyPrefix(client: RedisClient): void {
  const { keyPrefix } = client.options;
  if (!keyPrefix) return;
  throw new SessionError(
    'ERR_SESSION_OPTIONS',
    `The Redis client has the ioredis option \`keyPrefix\` (${JSON.stringify(keyPrefix)}), which ` +
      "scripts don't see. Remove it and set the module's option `prefix`.",
  );
}

/** A replica may not know yet that a session has ended. */
function rejectReplicaReads(client: RedisClient): void {
  if (!('nodes' in client)) return;
  const { scaleReads = 'master' } = client.options;
  if (scaleReads === 'master') return;
  throw new SessionError(
    'ERR_SESSION_OPTIONS',
    `The Redis client has the ioredis option \`scaleReads\` (${String(scaleReads)}), and a replica ` +
      "may still hold a session that has ended. Give the module a client with 'master'.",
  );
}

/**
 * While a slot moves, ioredis sends all reads of a pipeline to the receiving node as soon as one of
 * them was redirected, and those whose keys haven't moved yet get the answer that there is none.
 */
function rejectAutoPipelining(client: RedisClient): void {
  if (!('nodes' in client) || !client.options.enableAutoPipelining) return;
  throw new SessionError(
    'ERR_SESSION_OPTIONS',
    'The Redis client has the ioredis option `enableAutoPipelining`, and while a slot of a Cluster ' +
      'moves to another node, reads in one pipeline with redirected ones miss keys that exist: valid ' +
      'sessions would be rejected. Remove the option, or give the module a client of its own.',
  );
}

/**
 * The module leaves a server that is no longer the master by reconnecting. A client that gives up
 * instead would fail every call from then on.
 */
function rejectGivingUp(client: RedisClient): void {
  const isCluster = 'nodes' in client;
  const option = isCluster ? 'clusterRetryStrategy' : 'retryStrategy';
  const strategy = isCluster ? client.options.clusterRetryStrategy : client.options.retryStrategy;
  const delay: unknown = typeof strategy === 'function' ? strategy(1) : strategy;
  if (typeof delay === 'number') return;
  throw new SessionError(
    'ERR_SESSION_OPTIONS',
    `The Redis client's ioredis option \`${option}\` gives ${String(delay)} for the first attempt, ` +
      'so the client would never reconnect: no session could be checked after the first lost ' +
      'connection. Let it return a delay in milliseconds, or remove it.',
  );
}

const WITHOUT_REPLICAS =
  'Redis has replicas, and its setting min-replicas-to-write is 0: a master that is cut off from ' +
  'them goes on confirming changes that the next failover throws away, and goes on accepting ' +
  'sessions that have ended on the new master. With two replicas or more, set ' +
  'min-replicas-to-write to 1, on all servers.';

/** INFO names the good replicas only if `min-replicas-to-write` and `-max-lag` are set. */
function goesOnWithoutReplicas(info: string): boolean {
  return Number(field(info, 'connected_slaves')) > 0 && !/^min_slaves_good_slaves:/m.test(info);
}

async function readInfos(client: RedisClient): Promise<string[]> {
  // ioredis emits why it can't connect, with the address; the command fails with its retry limit.
  let reason: Error | undefined;
  const remember = (error: Error) => (reason = error);
  client.on('error', remember);
  try {
    if (!('nodes' in client)) return [await client.info()];
    await client.ping(); // connects, so that the nodes are known
    return await Promise.all(client.nodes('master').map((node) => node.info()));
  } catch (cause) {
    const error = redisError(cause);
    throw reason && error.code === 'ERR_SESSION_REDIS_UNAVAILABLE' ? notReachable(reason) : error;
  } finally {
    client.off('error', remember);
  }
}

function notReachable(cause: Error): SessionError {
  return new SessionError(
    'ERR_SESSION_REDIS_UNAVAILABLE',
    `Redis is unavailable: ${messageOf(cause)}. Start it, or set the option \`redis\` (often REDIS_URL) ` +
      'to its address.',
    { cause },
  );
}

function checkServer(info: string): void {
  const version = field(info, 'redis_version');
  if (Number.parseInt(version, 10) < OLDEST_REDIS) {
    throw unsuitable(`it is version ${version}; the scripts need 7.0 or newer. Upgrade Redis.`);
  }
  const policy = field(info, 'maxmemory_policy');
  if (policy !== 'noeviction') {
    throw unsuitable(
      `its maxmemory-policy is ${policy}, so it may drop sessions and unrecorded events. ` +
        'Set it to noeviction.',
    );
  }
}

/** The number of buckets decides where a user's sessions are, so it can't change later. */
async function checkLayout({ client, redis, prefix, count }: Buckets): Promise<void> {
  const key = metaKey(prefix);
  await redis.bounded(client.hsetnx(key, 'layout', LAYOUT_VERSION));
  await redis.bounded(client.hsetnx(key, 'buckets', String(count)));
  const [layout, buckets] = await redis.bounded(client.hmget(key, 'layout', 'buckets'));
  if (layout !== LAYOUT_VERSION) {
    throw unsuitable(
      `its sessions under the prefix '${prefix}' have layout ${layout}; this version ` +
        `writes layout ${LAYOUT_VERSION}. Use another \`prefix\`, or the version that wrote them.`,
    );
  }
  if (buckets !== String(count)) {
    throw unsuitable(
      `its sessions under the prefix '${prefix}' are in ${buckets} buckets, and the option ` +
        `\`buckets\` is ${count}. Set it to ${buckets}, or use another \`prefix\`.`,
    );
  }
}

function field(info: string, name: string): string {
  return new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(info)?.[1] ?? 'unknown';
}

function unsuitable(why: string): SessionError {
  return new SessionError(
    'ERR_SESSION_REDIS_UNSUITABLE',
    `This Redis can't be trusted with sessions: ${why}`,
  );
}
