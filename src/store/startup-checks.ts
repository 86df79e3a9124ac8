import { setTimeout as delay } from 'node:timers/promises';

import type { Redis } from 'ioredis';

import { messageOf, SessionError } from '../errors.js';
import { BoundedRedis, type RedisClient } from './bounded-redis.js';
import type { Buckets } from './buckets.js';
import { checkClient } from './client-checks.js';
import { isAccessDenied, isPassing } from './redis-errors.js';
import { metaKey } from './redis-keys.js';

/** Changes with the layout of the keys, so that two versions never write under one prefix. */
export const LAYOUT_VERSION = '2';
const OLDEST_REDIS = 7;

/**
 * How long a start may take (ms): longer than a request, because there are connections to make, and
 * Redis may be reading its data or failing over.
 */
const START_TIMEOUT = 10_000;
const RETRY_AFTER = 250; // ms

/**
 * Rejects a Redis that can't be trusted with sessions, before the first one is created. Waits while it
 * is loading, busy or without a master.
 *
 * @param timeout how long the checks may take (ms)
 * @returns warnings: settings that are allowed, but lose more than necessary
 * @throws SessionError `ERR_SESSION_OPTIONS`, `ERR_SESSION_REDIS_UNSUITABLE`,
 * `ERR_SESSION_REDIS_UNAVAILABLE`
 */
export async function checkRedis(buckets: Buckets, timeout = START_TIMEOUT): Promise<string[]> {
  checkClient(buckets.client);
  const givesUpAt = performance.now() + timeout;
  for (;;) {
    try {
      return await checkOnce(buckets, givesUpAt - performance.now());
    } catch (error) {
      if (!isPassing(error) || performance.now() + RETRY_AFTER > givesUpAt) throw error;
    }
    await delay(RETRY_AFTER);
  }
}

async function checkOnce(buckets: Buckets, timeout: number): Promise<string[]> {
  const redis = new BoundedRedis(buckets.client, timeout);
  const infos = await unlessDenied(redis.bounded(readInfos(buckets.client)));
  if (infos) infos.forEach((info) => checkServer(buckets.client, info));
  else await checkMode(redis);
  await checkDatabase(redis);
  await checkLayout(redis, buckets);
  // A script, because the right to run scripts is another one.
  await buckets.readTime(0);
  const warnings = infos ? warningsOf(infos) : [WITHOUT_INFO];
  return (await mayAskForRole(redis)) ? warnings : [...warnings, WITHOUT_ROLE];
}

/** The reply; null if the user may not run the command. */
async function unlessDenied<T>(reply: Promise<T>): Promise<T | null> {
  try {
    return await reply;
  } catch (error) {
    if (isAccessDenied(error) && messageOf(error).includes('NOPERM')) return null;
    throw error;
  }
}

async function readInfos(client: RedisClient): Promise<string[]> {
  if (!('nodes' in client)) return [await client.info()];
  await client.ping(); // connects, so that the nodes are known
  return Promise.all(client.nodes('master').map((node) => node.info()));
}

/** Without INFO, HELLO says whether this is a node of a Cluster. */
async function checkMode(redis: BoundedRedis): Promise<void> {
  if ('nodes' in redis.client) return;
  const fields = await unlessDenied(redis.bounded(redis.client.call('HELLO')));
  if (!Array.isArray(fields)) return;
  if (fields[fields.indexOf('mode') + 1] === 'cluster') throw clusterMode(redis.client);
}

/** ioredis only reports that it could not select the database, and then uses database 0. */
async function checkDatabase(redis: BoundedRedis): Promise<void> {
  const { client } = redis;
  if ('nodes' in client || !client.options.db) return;
  const { db } = client.options;
  try {
    await redis.bounded(client.select(db));
  } catch (error) {
    if (isPassing(error)) throw error;
    throw new SessionError(
      'ERR_SESSION_OPTIONS',
      `Redis rejected database ${db}, and ioredis would use database 0 instead: ` +
        `${messageOf(error)}. Give a number below Redis's setting \`databases\`.`,
      { cause: error },
    );
  }
}

async function mayAskForRole(redis: BoundedRedis): Promise<boolean> {
  if ('nodes' in redis.client) return true; // a Cluster isn't asked: see role-watch.ts
  return (await unlessDenied(redis.bounded(redis.client.role()))) !== null;
}

const WITHOUT_INFO =
  'The user of Redis may not run INFO, so the version, maxmemory-policy (it must be noeviction), ' +
  'appendonly and min-replicas-to-write could not be checked. Allow +info, or check them yourself.';

const WITHOUT_ROLE =
  'The user of Redis may not run ROLE, so this process leaves a master that was demoted only once ' +
  'a call has failed. Allow +role.';

const WITHOUT_AOF =
  'appendonly is off in Redis: when it restarts or crashes, all changes since its last snapshot are ' +
  'lost. Users are signed out, sessions that had ended are valid again until a worker has ended ' +
  'them once more, and events that Postgres did not have yet are missing. Set appendonly to yes.';

function warningsOf(infos: string[]): string[] {
  return [
    ...(infos.some((info) => field(info, 'aof_enabled') === '0') ? [WITHOUT_AOF] : []),
    ...(infos.some(goesOnWithoutReplicas) ? [WITHOUT_REPLICAS] : []),
  ];
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

function checkServer(client: RedisClient, info: string): void {
  if (!('nodes' in client) && field(info, 'redis_mode') === 'cluster') throw clusterMode(client);
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
async function checkLayout(redis: BoundedRedis, { client, prefix, count }: Buckets): Promise<void> {
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

/**
 * One node of a Cluster answers a plain client as long as each call has keys of one slot. Reads that
 * run at the same time are sent as one, and then fail (CROSSSLOT), even if the node has all slots.
 */
function clusterMode({ options }: Redis): SessionError {
  const { host = 'localhost', port = 6379, tls } = options;
  const access = tls ? ', redisOptions: { username, password, tls: {} }' : '';
  return unsuitable(
    'it is in cluster mode, and the client is for a single server, so calls at the same time would ' +
      `fail (CROSSSLOT). Set the option \`redis\` to { nodes: [{ host: ${JSON.stringify(host)}, ` +
      `port: ${port} }]${access} }, or give an ioredis Cluster.`,
  );
}

function unsuitable(why: string): SessionError {
  return new SessionError(
    'ERR_SESSION_REDIS_UNSUITABLE',
    `This Redis can't be trusted with sessions: ${why}`,
  );
}
