import { SEPARATOR } from '../../src/store/session-record.js';
import type { Application } from './application.js';

/** An audit event, as written by `append-event.lua`. */
export interface OutboxEvent {
  event: 'created' | 'destroyed';
  handle: string;
  createdAt: number;
  userId: string;
  occurredAt: number;
  /** For a created session, its absolute expiry; for a destroyed one, the expiry it had then. */
  expiresAt: number;
  reason: string;
  actor: string;
  ip: string;
  userAgent: string;
}

/** An event with its outbox number: 1, 2, 3… in each bucket. */
export type NumberedEvent = OutboxEvent & { number: number };

/** The events of all buckets, in order within each bucket. */
export async function readOutbox(app: Application): Promise<OutboxEvent[]> {
  return (await readNumberedOutbox(app)).map(({ number: _number, ...event }) => event);
}

/** The events with their numbers. */
export async function readNumberedOutbox({
  buckets,
  client,
}: Application): Promise<NumberedEvent[]> {
  const events: NumberedEvent[] = [];
  for (const bucket of buckets.numbers()) {
    const entries = await client.xrange(buckets.keysOf(bucket).outbox, '-', '+');
    for (const [, fields] of entries) events.push(decode(bucket, fields));
  }
  return events;
}

/** The events of the session with this handle. */
export async function eventsOf(app: Application, handle: string): Promise<OutboxEvent[]> {
  return (await readOutbox(app)).filter((event) => event.handle === handle);
}

function decode(bucket: number, [version, text]: string[]): NumberedEvent {
  if (version !== 'v2') throw new Error(`Event of unknown layout: ${version}`);
  const [
    number,
    event,
    digest,
    createdAt,
    userId,
    at,
    ends,
    reason,
    actor,
    ip,
    userAgent,
    ...rest
  ] = text!.split(SEPARATOR);
  if (rest.length > 0 || userAgent === undefined)
    throw new Error(`Event without exactly eleven fields: ${text}`);
  return {
    number: Number(number),
    // A 'missing' event is the end of a session that Redis has lost.
    event: event === 'created' ? 'created' : 'destroyed',
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
