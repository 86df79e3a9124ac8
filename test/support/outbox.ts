import { SEPARATOR } from '../../src/store/session-record.js';
import type { Application } from './application.js';

/** An audit event as `append-event.lua` writes it. */
export interface OutboxEvent {
  event: 'created' | 'destroyed';
  handle: string;
  createdAt: number;
  userId: string;
  /** When it happened. */
  occurredAt: number;
  /** The hard end of a session that began; the end that stood when a session ended. */
  expiresAt: number;
  reason: string;
  actor: string;
  ip: string;
  userAgent: string;
}

/** The events of all buckets; those of a bucket in the order in which they came about. */
export async function readOutbox({ store, client }: Application): Promise<OutboxEvent[]> {
  const events: OutboxEvent[] = [];
  for (let bucket = 0; bucket < store.buckets.count; bucket++) {
    const entries = await client.xrange(store.buckets.keysOf(bucket).outbox, '-', '+');
    for (const [, fields] of entries) events.push(decode(bucket, fields));
  }
  return events;
}

/** The events of one session, by its handle. */
export async function eventsOf(app: Application, handle: string): Promise<OutboxEvent[]> {
  return (await readOutbox(app)).filter((event) => event.handle === handle);
}

function decode(bucket: number, [version, text]: string[]): OutboxEvent {
  if (version !== 'v1') throw new Error(`An event of an unknown layout: ${version}`);
  const [event, digest, createdAt, userId, at, ends, reason, actor, ip, userAgent, ...rest] =
    text!.split(SEPARATOR);
  if (rest.length > 0 || userAgent === undefined) throw new Error(`Not ten fields: ${text}`);
  return {
    event: event as OutboxEvent['event'],
    handle: bucket.toString(16).padStart(2, '0') + digest!,
    createdAt: Number(createdAt),
    userId: userId!,
    occurredAt: Number(at),
    expiresAt: Number(ends),
    reason: reason!,
    actor: actor!,
    ip: ip!,
    userAgent,
  };
}
