import { SessionError } from '../errors.js';
import type { RedisClient } from './bounded-redis.js';

/**
 * Rejects options of ioredis that would give wrong answers, or none.
 *
 * @throws SessionError `ERR_SESSION_OPTIONS`, which names the option
 */
export function checkClient(client: RedisClient): void {
  rejectKeyPrefix(client);
  rejectReplicaReads(client);
  rejectAutoPipelining(client);
  rejectGivingUp(client);
  rejectEndlessRetries(client);
  rejectWrongDatabase(client);
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

/**
 * Without Redis, such a client keeps each command and sends all of them later: in one outage, 18,000
 * failed calls left 46 MB to be replayed.
 */
function rejectEndlessRetries(client: RedisClient): void {
  if ('nodes' in client || client.options.maxRetriesPerRequest !== null) return;
  throw new SessionError(
    'ERR_SESSION_OPTIONS',
    'The Redis client has the ioredis option `maxRetriesPerRequest: null`, so while Redis is ' +
      'unavailable, all calls pile up in memory, to be sent to Redis later. Give the module a client ' +
      'of its own with a number, such as 1. Only BullMQ needs null, and the module opens its own ' +
      'connections for it.',
  );
}

/** ioredis makes NaN of a path that is no number, and then uses database 0. */
function rejectWrongDatabase(client: RedisClient): void {
  if ('nodes' in client || !Number.isNaN(client.options.db)) return;
  throw new SessionError(
    'ERR_SESSION_OPTIONS',
    'The database in the option `redis` is not a number, as in redis://localhost:6379/2, so it would ' +
      'be database 0.',
  );
}
