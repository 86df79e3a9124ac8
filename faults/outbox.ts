import type { Cluster, Redis } from 'ioredis';

import type { ForgottenEvent } from './checker/evidence.js';
import { handleOf, outboxKey } from './keys.js';

/** A stream entry, as Redis returns it. */
export type StreamEntry = [id: string, fields: string[]];

/** The events that wait in a bucket's outbox. */
export async function readOutbox(
  redis: Redis | Cluster,
  bucket: number,
): Promise<ForgottenEvent[]> {
  return parseOutbox(bucket, await redis.xrange(outboxKey(bucket), '-', '+'));
}

/** Parses the values of src/store/lua/include/append-event.lua, without the module. */
export function parseOutbox(bucket: number, entries: StreamEntry[]): ForgottenEvent[] {
  return entries.map(([, [, value]]) => {
    const [number, event, digest, created, userId, at, expires, reason, actor, , userAgent] =
      value!.split('\x1f');
    return {
      chain: bucket,
      number: Number(number),
      event: event === 'created' ? event : 'destroyed',
      handle: handleOf(bucket, digest!),
      sessionCreatedAt: Number(created),
      userId: userId || null,
      occurredAt: Number(at),
      expiresAt: Number(expires),
      reason: reason || null,
      actor: actor || null,
      userAgent: userAgent || null,
    };
  });
}
