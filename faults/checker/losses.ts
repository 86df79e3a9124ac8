import type { Call } from '../history.js';
import type { EventRecord, ForgottenEvent } from './evidence.js';
import { isWithin, overlaps, TOLERANCE, type RedisLoss, type Span } from './guarantees.js';
import { NO_LOSS, type SessionLoss } from './session-loss.js';
import { bucketOf, relatedTo, type HistoryIndex, type SessionHistory } from './session-history.js';

/** What the servers forgot, and what became of it. */
export interface Losses {
  /** Sessions that were created and left no trace: neither live nor recorded. */
  starts: number;
  /** Ends that were undone: the session is live, and open in SQL, until something ends it. */
  ends: number;
  /** Sessions that SQL knew but Redis forgot: their end is recorded as `lost`. */
  endedAsLost: number;
  /** Ended sessions that came back, and were ended again. */
  returned: number;
  /** Sessions that Postgres forgot, and that were recorded anew. */
  recovered: number;
  /** Events that Postgres forgot and that can't be recovered: incidents have their numbers. */
  named: number;
}

export function noLosses(): Losses {
  return { starts: 0, ends: 0, endedAsLost: 0, returned: 0, recovered: 0, named: 0 };
}

/** Finds out what of a session Redis forgot. Whatever was recorded must be named by an incident. */
export function findLoss(session: SessionHistory, index: HistoryIndex): SessionLoss {
  const bucket = bucketOf(session.handle);
  const losses = index.guarantees.damages.redisLosses.filter(({ buckets }) => buckets.has(bucket));
  if (losses.length === 0) return NO_LOSS;
  const isHeir = isHeirOf(session, relatedTo(session, index), index);
  const isGone = losses.some((loss) => hasVanished(session, loss, index));
  return {
    hasVanished: isGone,
    livedOn: !isGone && undoneUntil(session, losses, index) > -Infinity,
    isHeir,
    undoneBefore: Math.max(
      // What ended the session that came back was over when this one began.
      isHeir ? session.created[0]!.occurredAt : -Infinity,
      ...relatedTo(session, index).map((each) => undoneUntil(each, losses, index)),
    ),
    absent: losses.flatMap((loss) => absenceIn(session, loss, index)),
    alive: losses.flatMap((loss) => lifeIn(session, loss, index)),
  };
}

function isHeirOf(
  { created: [start] }: Pick<SessionHistory, 'created'>,
  related: SessionHistory[],
  index: HistoryIndex,
): boolean {
  if (start?.reason !== 'rotated') return false;
  return related.some(({ handle, created, destroyed: [end] }) => {
    if (index.incidents.returnsOf(handle).includes(start.occurredAt)) return true;
    const isParent = end?.reason === 'rotated' && end.occurredAt === start.occurredAt;
    const isOlder = created[0] !== undefined && created[0].occurredAt < start.occurredAt;
    return isParent && isOlder && isHeirOf({ created }, related, index);
  });
}

/** Until when ends of the session were acknowledged that Redis then forgot. */
function undoneUntil(session: SessionHistory, losses: RedisLoss[], index: HistoryIndex): number {
  const undone = losses.filter(
    (loss) => loss.kind !== 'emptied' && undoneEnd(session, loss, index) !== null,
  );
  return Math.max(-Infinity, ...undone.map(endOf));
}

/** Until when ends could be acknowledged that Redis then forgot. */
function endOf({ kind, at, to }: RedisLoss): number {
  return kind === 'failover' ? to : at;
}

function hasVanished(session: SessionHistory, loss: RedisLoss, index: HistoryIndex): boolean {
  const { creation, created, live } = session;
  if (!creation || created.length > 0 || live) return false;
  if (!loss.forgotten) return overlaps(creation, loss);
  return forgottenOf(session, loss, index).some(({ event }) => event === 'created');
}

/** The span in which the session was over, if its end was forgotten before it was recorded. */
function undoneEnd(session: SessionHistory, loss: RedisLoss, index: HistoryIndex): Span | null {
  const { destroyed } = session;
  if (!loss.forgotten) {
    const recorded = destroyed.find(({ occurredAt }) => isWithin(occurredAt, loss));
    const calls = [...session.calls, ...(index.userCalls.get(session.userId) ?? [])];
    const since = session.created[0]?.occurredAt ?? session.creation?.startedAt ?? -Infinity;
    const span = { from: Math.max(loss.from, since), to: loss.to };
    const mayEnd = calls.filter((call) => call !== session.creation && isEnding(call, index));
    return mayEnd.some((call) => overlaps(call, span) && isEarlier(call, recorded)) ? span : null;
  }
  const end = forgottenOf(session, loss, index).find(({ event }) => event === 'destroyed');
  if (!end || destroyed.some(({ occurredAt }) => occurredAt === end.occurredAt)) return null;
  return { from: end.occurredAt, to: loss.to };
}

function absenceIn(session: SessionHistory, loss: RedisLoss, index: HistoryIndex): Span[] {
  const [created] = session.created;
  const undone = undoneEnd(session, loss, index);
  const spans = undone ? [undone] : [];
  // A Cluster's nodes are emptied one after the other.
  const since = loss.kind === 'emptied' ? loss.from : loss.at;
  const forever = { from: undone?.from ?? since, to: Infinity };
  if (!created) {
    if (!hasVanished(session, loss, index)) return spans;
    // It may have expired before, without anyone having recorded it yet.
    return [{ ...forever, from: Math.min(forever.from, earliestExpiry(session, index)) }];
  }
  if (loss.kind === 'emptied') {
    const isForgotten = created.occurredAt <= loss.at + TOLERANCE;
    return isForgotten && index.incidents.hasAdoptionAfter(loss.at) ? [forever] : spans;
  }
  const isForgotten =
    isWithin(created.occurredAt, { from: loss.from, to: endOf(loss) }) &&
    index.incidents.namesRollback(created, loss);
  return isForgotten ? [...spans, forever] : spans;
}

function earliestExpiry({ creation }: SessionHistory, { guarantees }: HistoryIndex): number {
  const answer = creation?.answer;
  if (!answer?.ok || !('created' in answer.value)) return Infinity;
  const { createdAt, expiresAt } = answer.value.created;
  return Math.min(expiresAt, createdAt + (guarantees.idleTimeout || Infinity));
}

function lifeIn(session: SessionHistory, loss: RedisLoss, index: HistoryIndex): Span[] {
  const [end] = session.destroyed;
  if (!end || loss.kind === 'emptied') return [];
  const spans: Span[] = [];
  // Redis forgot that it was used, so that it expired earlier.
  if (end.reason === 'expired') spans.push({ from: loss.from, to: endOf(loss) });
  if (isWithin(end.occurredAt, { from: loss.from, to: endOf(loss) })) {
    const returns = index.incidents.returnsOf(session.handle);
    spans.push(...returns.map((until) => ({ from: loss.at, to: until })));
  }
  return spans;
}

function forgottenOf(
  { handle }: SessionHistory,
  loss: RedisLoss,
  { forgotten }: HistoryIndex,
): ForgottenEvent[] {
  return forgotten.get(loss)?.get(handle) ?? [];
}

/**
 * Whether the call may have ended the session before its recorded end. A session that came back can
 * end once more before the failover is over; the call that caused the recorded end doesn't count.
 */
function isEarlier({ startedAt, endedAt }: Call, recorded: EventRecord | undefined): boolean {
  if (!recorded) return true;
  if (recorded.reason === 'expired') return startedAt < recorded.occurredAt;
  return endedAt !== null && endedAt < recorded.occurredAt - TOLERANCE;
}

/** Whether the call may end sessions. With a limit, a sign-in may evict one. */
function isEnding({ operation }: Call, { guarantees }: HistoryIndex): boolean {
  if (operation.op === 'create') return guarantees.maxSessionsPerUser > 0;
  return ['rotate', 'destroy', 'destroyByHandle', 'destroyAll'].includes(operation.op);
}
