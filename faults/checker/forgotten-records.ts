import type { EventRecord, ForgottenEvent } from './evidence.js';
import { bucketOf, type HistoryIndex, type SessionHistory } from './session-history.js';

/** A session's records, with what had to be put back. */
export interface PutBack {
  created: EventRecord[];
  destroyed: EventRecord[];
  /** Its start was recorded anew. */
  isRecovered: boolean;
  /** How many of its records only an incident names. */
  named: number;
}

/**
 * The records of a session as they were before Postgres went back, so that all checks apply to what really
 * happened. A record is put back only if Postgres treated its loss as promised: the start of a
 * session that was still alive is recorded anew as `recovered`, with the same times; an end becomes
 * `lost`; what is neither is named by its number.
 */
export function putBackForgotten(session: SessionHistory, index: HistoryIndex): PutBack {
  const losses = index.guarantees.damages.postgresLosses;
  const forgotten = losses.flatMap((loss) => index.forgotten.get(loss)?.get(session.handle) ?? []);
  const start = forgotten.find(({ event }) => event === 'created');
  const end = forgotten.find(({ event }) => event === 'destroyed');
  const created = start ? putBackStart(session, start, index) : session.created;
  const destroyed = end ? putBackEnd(session, end, index) : session.destroyed;
  return {
    created,
    destroyed,
    isRecovered: start !== undefined && session.created[0]?.reason === 'recovered',
    named: added(session.created, created) + added(session.destroyed, destroyed),
  };
}

function putBackStart(
  { created, live, handle }: SessionHistory,
  start: ForgottenEvent,
  { incidents }: HistoryIndex,
): EventRecord[] {
  const [record] = created;
  const isRecovered =
    created.length === 1 && record!.reason === 'recovered' && isSame(record!, start);
  // Recorded anew or, if it is over, named by its number.
  const isPromised = isRecovered || (!record && !live && incidents.namesGap(start));
  return isPromised ? [asRecord(start, bucketOf(handle))] : created;
}

function putBackEnd(
  { created, destroyed, handle }: SessionHistory,
  end: ForgottenEvent,
  { incidents }: HistoryIndex,
): EventRecord[] {
  const [record] = destroyed;
  const isConcluded =
    destroyed.length === 1 &&
    (record!.reason === 'lost' || record!.occurredAt === record!.expiresAt) &&
    record!.occurredAt >= end.occurredAt;
  const isGone = !record && created.length === 0;
  const isPromised = (isConcluded || isGone) && incidents.namesGap(end);
  return isPromised ? [asRecord(end, bucketOf(handle))] : destroyed;
}

function isSame(record: EventRecord, forgotten: ForgottenEvent): boolean {
  return (
    record.occurredAt === forgotten.occurredAt &&
    record.sessionCreatedAt === forgotten.sessionCreatedAt &&
    record.expiresAt === forgotten.expiresAt &&
    record.userId === forgotten.userId
  );
}

function asRecord(event: ForgottenEvent, chain: number): EventRecord {
  return { ...event, chain, seq: 0, recordedAt: event.occurredAt };
}

function added(before: EventRecord[], after: EventRecord[]): number {
  return Math.max(0, after.length - before.length);
}
