import { SessionError } from '../errors.js';
import { redisError, type BoundedRedis, type RedisClient } from './bounded-redis.js';
import { metaKey } from './redis-keys.js';

/** Goes up when a key's layout changes, so that two versions never write to one prefix. */
export const LAYOUT_VERSION = '1';
const OLDEST_REDIS = 7;

export interface StartupChecks {
  prefix: string;
  buckets: number;
  /** Accept a Redis that may evict keys: an evicted session ends without anyone having ended it. */
  allowEviction: boolean;
}

/** Refuses a Redis that can't be trusted with sessions, before the first one begins. */
export async function checkRedis(redis: BoundedRedis, checks: StartupChecks): Promise<void> {
  refuseKeyPrefix(redis.client);
  refuseReplicaReads(redis.client);
  for (const info of await redis.bounded(readInfos(redis.client))) {
    checkServer(info, checks.allowEviction);
  }
  await checkLayout(redis, checks);
}

/** ioredis puts `keyPrefix` before declared keys only; those made inside scripts would go astray. */
export function refuseKeyPrefix(client: RedisClient): void {
  const { keyPrefix } = client.options;
  if (!keyPrefix) return;
  throw new SessionError(
    'ERR_SESSION_OPTIONS',
    `The Redis client has the ioredis option \`keyPrefix\` (${JSON.stringify(keyPrefix)}), which ` +
      "scripts don't see. Leave it out and set the module's option `prefix`.",
  );
}

/** A replica may not know yet that a session is over. */
function refuseReplicaReads(client: RedisClient): void {
  if (!('nodes' in client)) return;
  const { scaleReads = 'master' } = client.options;
  if (scaleReads === 'master') return;
  throw new SessionError(
    'ERR_SESSION_OPTIONS',
    `The Redis client has the ioredis option \`scaleReads\` (${String(scaleReads)}), and a replica ` +
      "may still hold a session that has ended. Give the module a client with 'master'.",
  );
}

async function readInfos(client: RedisClient): Promise<string[]> {
  try {
    if (!('nodes' in client)) return [await client.info()];
    await client.ping(); // connects, so that the nodes are known
    return await Promise.all(client.nodes('master').map((node) => node.info()));
  } catch (error) {
    throw redisError(error);
  }
}

function checkServer(info: string, allowEviction: boolean): void {
  const version = field(info, 'redis_version');
  if (Number.parseInt(version, 10) < OLDEST_REDIS) {
    throw unsuitable(`it is version ${version}; the scripts need 7.0 or newer. Upgrade Redis.`);
  }
  const policy = field(info, 'maxmemory_policy');
  if (policy !== 'noeviction' && !allowEviction) {
    throw unsuitable(
      `its maxmemory-policy is ${policy}, so it may drop sessions and unrecorded events. ` +
        'Set it to noeviction, or the option `allowEviction: true` if you accept that.',
    );
  }
}

/** The number of buckets decides where a user's sessions are, so it can't change under them. */
async function checkLayout(redis: BoundedRedis, checks: StartupChecks): Promise<void> {
  const key = metaKey(checks.prefix);
  await redis.bounded(redis.client.hsetnx(key, 'layout', LAYOUT_VERSION));
  await redis.bounded(redis.client.hsetnx(key, 'buckets', String(checks.buckets)));
  const [layout, buckets] = await redis.bounded(redis.client.hmget(key, 'layout', 'buckets'));
  if (layout !== LAYOUT_VERSION) {
    throw unsuitable(
      `its sessions under the prefix '${checks.prefix}' have layout ${layout}; this version ` +
        `writes layout ${LAYOUT_VERSION}. Use another \`prefix\`, or the version that wrote them.`,
    );
  }
  if (buckets !== String(checks.buckets)) {
    throw unsuitable(
      `its sessions under the prefix '${checks.prefix}' lie in ${buckets} buckets, and the option ` +
        `\`buckets\` is ${checks.buckets}. Set it to ${buckets}, or use another \`prefix\`.`,
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
