import { createHash } from 'node:crypto';

import type { BoundedRedis, Script } from './bounded-redis.js';
import create from './lua/create.lua.js';
import declareLost from './lua/declare-lost.lua.js';
import destroy from './lua/destroy.lua.js';
import destroyAll from './lua/destroy-all.lua.js';
import raiseNumber from './lua/raise-number.lua.js';
import rotate from './lua/rotate.lua.js';
import sweep from './lua/sweep.lua.js';
import time from './lua/time.lua.js';
import touch from './lua/touch.lua.js';
import updateData from './lua/update-data.lua.js';
import type { RedisKeys } from './redis-keys.js';
import { SEPARATOR } from './session-record.js';

/** The only code that writes session keys. Each file in `lua/` documents KEYS, ARGV and the reply. */
export const scripts = {
  create: script('create', create),
  touch: script('touch', touch),
  destroy: script('destroy', destroy),
  destroyAll: script('destroy-all', destroyAll),
  rotate: script('rotate', rotate),
  updateData: script('update-data', updateData),
  sweep: script('sweep', sweep),
  declareLost: script('declare-lost', declareLost),
  time: script('time', time),
  raiseNumber: script('raise-number', raiseNumber),
};

/** A script by the name of its file. */
export function script(name: string, source: string): Script {
  return { name, source, sha1: createHash('sha1').update(source).digest('hex') };
}

/** A session that create or rotate has just created. Times are ms since 1970. */
export interface CreatedSession {
  userId: string;
  createdAt: number;
  signedInAt: number;
  expiresAt: number;
  idleExpiresAt: number;
}

/** The request's deadline had passed, or was too far ahead; `now` is Redis's time. */
export type Stale = { status: 'STALE'; now: number };
/** The session is unknown or over. */
type Gone = { status: 'GONE' };

export type CreateReply =
  | { status: 'OK'; session: CreatedSession }
  | Stale
  /** The requested expiry is in the past, or further ahead than the maximum lifetime. */
  | { status: 'PAST' | 'TOO_LONG'; now: number }
  /** `events` wait for Postgres, more than the backlog limit. */
  | { status: 'BACKLOG'; events: number }
  /** The user has `sessions`, as many as allowed. */
  | { status: 'LIMIT'; sessions: number }
  /** Some of the user's excess sessions were evicted; ask again. */
  | { status: 'AGAIN' }
  | { status: 'ERROR'; message: string };

export type RotateReply = { status: 'OK'; session: CreatedSession } | Stale | Gone;

export type TouchReply = { status: 'OK'; lastUsedAt: number; idleExpiresAt: number } | Gone;

export type UpdateReply = { status: 'OK' } | { status: 'TOO_LARGE'; bytes: number } | Stale | Gone;

/** What happens to a session beyond `maxSessionsPerUser`. */
export type Overflow = 'evict-oldest' | 'reject';

/** The rules that the scripts enforce. Times in ms; 0 switches a rule off. */
export interface StoreRules {
  maxLifetime: number;
  idleTimeout: number;
  maxSessionsPerUser: number;
  overflow: Overflow;
  backlogLimit: number;
}

/** The create script's arguments for one session. */
export type CreateArgs = [
  digest: string,
  userId: string,
  deadline: number,
  expiry: string,
  client: string,
  data: string,
];

/** Why a session ends, and who ended it: `''` for the user or the system itself. */
export interface EndCause {
  reason: string;
  actor: string;
}

/** Creates sessions of one bucket in one run; replies in the order of `sessions`. */
export async function runCreate(
  redis: BoundedRedis,
  keys: RedisKeys,
  rules: StoreRules,
  sessions: CreateArgs[],
): Promise<CreateReply[]> {
  const replies = await redis.run(scripts.create, keys.appending(), [
    keys.base,
    rules.maxLifetime,
    rules.idleTimeout,
    rules.maxSessionsPerUser,
    rules.overflow,
    rules.backlogLimit,
    ...sessions.flat(),
  ]);
  return (replies as unknown[]).map(toCreateReply);
}

/** Fails at once if the slot is moving, because the caller's request needn't wait for it. */
export async function runTouch(
  redis: BoundedRedis,
  keys: RedisKeys,
  digest: string,
  idleTimeout: number,
): Promise<TouchReply> {
  const [status, lastUsedAt, idleExpiresAt] = fieldsOf(
    await redis.runUnlessMoving(
      scripts.touch,
      [keys.session(digest)],
      [keys.base, digest, idleTimeout],
    ),
  );
  if (status !== 'OK') return { status: 'GONE' };
  return { status, lastUsedAt: Number(lastUsedAt), idleExpiresAt: Number(idleExpiresAt) };
}

/** @param owner ends the session only if it is this user's; `''` for any user */
export async function runDestroy(
  redis: BoundedRedis,
  keys: RedisKeys,
  digest: string,
  { reason, actor }: EndCause,
  owner = '',
): Promise<void> {
  await redis.run(scripts.destroy, keys.appending(keys.session(digest)), [
    keys.base,
    digest,
    reason,
    actor,
    owner,
  ]);
}

/**
 * Ends up to `chunk` sessions of a user that were signed in before the cutoff, except `spared`.
 * True if there are more to end.
 */
export async function runDestroyAll(
  redis: BoundedRedis,
  keys: RedisKeys,
  request: { userId: string; cutoff: number; spared: string; chunk: number } & EndCause,
): Promise<boolean> {
  const { userId, cutoff, spared, chunk, reason, actor } = request;
  const reply = await redis.run(scripts.destroyAll, keys.appending(keys.userSet(userId)), [
    keys.base,
    cutoff,
    spared,
    chunk,
    reason,
    actor,
  ]);
  return isMore(reply);
}

export async function runRotate(
  redis: BoundedRedis,
  keys: RedisKeys,
  request: { from: string; to: string; idleTimeout: number; deadline: number },
): Promise<RotateReply> {
  const { from, to, idleTimeout, deadline } = request;
  const fields = fieldsOf(
    await redis.run(scripts.rotate, keys.appending(keys.session(from), keys.session(to)), [
      keys.base,
      from,
      to,
      idleTimeout,
      deadline,
    ]),
  );
  switch (fields[0]) {
    case 'OK':
      return { status: 'OK', session: toCreatedSession(fields) };
    case 'STALE':
      return { status: 'STALE', now: Number(fields[1]) };
    default:
      return { status: 'GONE' };
  }
}

/** @param patch name, JSON, name, JSON…; the value `''` removes a field */
export async function runUpdateData(
  redis: BoundedRedis,
  keys: RedisKeys,
  request: { digest: string; limit: number; deadline: number; patch: string[] },
): Promise<UpdateReply> {
  const { digest, limit, deadline, patch } = request;
  const [status, number] = fieldsOf(
    await redis.run(
      scripts.updateData,
      [keys.expiryIndex, keys.outbox, keys.session(digest)],
      [keys.base, digest, limit, deadline, ...patch],
    ),
  );
  switch (status) {
    case 'OK':
      return { status };
    case 'TOO_LARGE':
      return { status, bytes: Number(number) };
    case 'STALE':
      return { status, now: Number(number) };
    default:
      return { status: 'GONE' };
  }
}

/** Ends up to `batch` sessions that have expired; true if more have. */
export async function runSweep(
  redis: BoundedRedis,
  keys: RedisKeys,
  batch: number,
): Promise<boolean> {
  return isMore(await redis.run(scripts.sweep, keys.appending(), [keys.base, batch]));
}

export async function runDeclareLost(
  redis: BoundedRedis,
  keys: RedisKeys,
  session: { digest: string; createdAt: number; userId: string | null; expiresAt: number },
): Promise<void> {
  const { digest, createdAt, userId, expiresAt } = session;
  await redis.run(scripts.declareLost, keys.appending(keys.session(digest)), [
    keys.base,
    digest,
    createdAt,
    userId ?? '',
    expiresAt,
  ]);
}

/** Makes the bucket's next outbox number follow `committed`, unless it is higher already. */
export async function runRaiseNumber(
  redis: BoundedRedis,
  keys: RedisKeys,
  committed: number,
): Promise<void> {
  await redis.run(scripts.raiseNumber, [keys.outboxNumber], [committed]);
}

/** The time of the node that holds the bucket (ms since 1970). */
export async function runTime(redis: BoundedRedis, keys: RedisKeys): Promise<number> {
  return Number(await redis.run(scripts.time, [keys.outbox], []));
}

function toCreateReply(reply: unknown): CreateReply {
  const fields = fieldsOf(reply);
  const [status, detail] = fields;
  switch (status) {
    case 'OK':
      return { status, session: toCreatedSession(fields) };
    case 'STALE':
    case 'PAST':
    case 'TOO_LONG':
      return { status, now: Number(detail) };
    case 'BACKLOG':
      return { status, events: Number(detail) };
    case 'LIMIT':
      return { status, sessions: Number(detail) };
    case 'AGAIN':
      return { status };
    default:
      return { status: 'ERROR', message: detail ?? String(status) };
  }
}

function toCreatedSession(fields: string[]): CreatedSession {
  const [, userId, createdAt, signedInAt, expiresAt, idleExpiresAt] = fields;
  return {
    userId: userId!,
    createdAt: Number(createdAt),
    signedInAt: Number(signedInAt),
    expiresAt: Number(expiresAt),
    idleExpiresAt: Number(idleExpiresAt),
  };
}

function fieldsOf(reply: unknown): string[] {
  return String(reply).split(SEPARATOR);
}

/** Text if the client has ioredis's option `stringNumbers`. */
function isMore(reply: unknown): boolean {
  return Number(reply) === 1;
}
