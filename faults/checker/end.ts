import type { Call } from '../history.js';
import type { Violation } from './violation.js';
import {
  bucketOf,
  callOf,
  relatedTo,
  type HistoryIndex,
  type SessionHistory,
} from './session-history.js';
import type { EventRecord } from './evidence.js';
import { isRejection, TOLERANCE } from './guarantees.js';

/** An answered call that ended the session, at `over` at the latest, and whose effect was kept. */
export interface AcknowledgedEnd {
  call: Call;
  over: number;
}

/** Each session that has ended has one `destroyed` record, and each such record has a cause. */
export function checkEnd(session: SessionHistory, index: HistoryIndex): Violation[] {
  const { handle, destroyed } = session;
  const violation = (kind: Violation['kind'], text: string): Violation => ({ kind, handle, text });
  if (destroyed.length > 1) return [violation('doubled', `${destroyed.length} destroyed records`)];
  const [record] = destroyed;
  if (record) return checkCause(session, record, index);
  if (session.loss.hasVanished) return [];
  const [end] = acknowledgedEnds(session, index);
  if (end) {
    return [violation('lost', `call ${end.call.n} ended it but the end is not recorded`)];
  }
  const isGone = session.created.length > 0 && !session.live && !session.inExpiryIndex;
  return isGone ? [violation('lost', 'it is gone from Redis but its end is not recorded')] : [];
}

/** No ended session that came back may be usable once the rollback was made good. */
export function checkReturns({ handle }: SessionHistory, index: HistoryIndex): Violation[] {
  const losses = index.guarantees.damages.redisLosses
    .filter(({ buckets }) => buckets.has(bucketOf(handle)))
    .toSorted((a, b) => a.at - b.at);
  const late = index.incidents.returnsOf(handle).filter((until) => {
    // Since `from`: what expired before Redis went back was never usable again.
    const mendedAt = losses.findLast(({ from }) => from <= until)?.mendedAt ?? Infinity;
    return until > mendedAt + TOLERANCE;
  });
  return late.map((until) => ({
    kind: 'resurrected',
    handle,
    text: `it had come back, and was usable until ${new Date(until).toISOString()}, after the mending`,
  }));
}

export function acknowledgedEnds(session: SessionHistory, index: HistoryIndex): AcknowledgedEnd[] {
  const own = session.calls.filter(
    ({ operation, answer }) =>
      answer?.ok && ['destroy', 'destroyByHandle', 'rotate'].includes(operation.op),
  );
  const all = index.userCalls.get(session.userId) ?? [];
  const everywhere = all.filter((call) => call.answer?.ok && coversAll(call, session, index));
  return [...own, ...everywhere]
    .filter(({ startedAt }) => startedAt > session.loss.undoneBefore)
    .map((call) => ({ call, over: call.endedAt! }));
}

/** Whether the call is a destroy-all that covers the session: created before it and not excepted. */
function coversAll(
  { operation, startedAt }: Call,
  session: SessionHistory,
  index: HistoryIndex,
): boolean {
  if (operation.op !== 'destroyAll') return false;
  const excepted = operation.exceptHandle && index.sessions.get(operation.exceptHandle);
  if (excepted && (excepted === session || excepted.marker === session.marker)) return false;
  // For a rotated session, the creation of the first session of its sign-in counts.
  const signedIn = Math.min(
    ...relatedTo(session, index).flatMap(({ created }) =>
      created.map((each) => each.sessionCreatedAt),
    ),
  );
  return signedIn < startedAt - TOLERANCE;
}

function checkCause(
  session: SessionHistory,
  record: EventRecord,
  index: HistoryIndex,
): Violation[] {
  const problem = findProblem(session, record, index);
  return problem ? [{ kind: problem[0], handle: session.handle, text: problem[1] }] : [];
}

function findProblem(
  session: SessionHistory,
  record: EventRecord,
  index: HistoryIndex,
): [Violation['kind'], string] | null {
  switch (record.reason) {
    case 'logout':
    case 'revoked':
      return problemOfCall(session, record, index);
    case 'rotated':
      return isByRotation(session) ? null : ['phantom', 'no rotation asked for its end'];
    case 'evicted':
      return isByEviction(session, record, index) ? null : ['phantom', 'nothing evicted it'];
    case 'expired':
      return problemOfExpiry(session, record, index);
    case 'lost':
      return isForgotten(session, record)
        ? null
        : ['lost', "ended as 'lost' although Redis forgot nothing that an incident names"];
    case 'resurrected':
      return session.loss.isHeir ? null : ['phantom', 'ended again although it never came back'];
    default:
      return ['wrong', `an unknown reason: '${record.reason}'`];
  }
}

/** Redis forgot the session before that moment, and did not get it back. */
function isForgotten({ loss }: SessionHistory, { occurredAt }: EventRecord): boolean {
  return loss.absent.some(({ from, to }) => from <= occurredAt + TOLERANCE && to === Infinity);
}

function problemOfCall(
  session: SessionHistory,
  record: EventRecord,
  { calls }: HistoryIndex,
): [Violation['kind'], string] | null {
  const call = callOf(calls, record.actor ?? '');
  const operation = call?.operation;
  const isItsOwn =
    (operation?.op === 'destroyAll' && operation.userId === session.userId) ||
    (operation && operation.op.startsWith('destroy') && session.calls.includes(call!));
  if (!call || !isItsOwn) return ['phantom', 'no call asked for its end'];
  const early = record.occurredAt < call.startedAt - TOLERANCE;
  const late = call.answer?.ok && record.occurredAt > call.endedAt! + TOLERANCE;
  return early || late ? ['wrong', 'the recorded end is outside its call'] : null;
}

function isByRotation({ calls }: SessionHistory): boolean {
  return calls.some(
    ({ operation, answer }) =>
      operation.op === 'rotate' && (!answer || answer.ok || !isRejection(answer.code)),
  );
}

function isByEviction(session: SessionHistory, record: EventRecord, index: HistoryIndex): boolean {
  const { overflow, maxSessionsPerUser } = index.guarantees;
  if (maxSessionsPerUser === 0 || overflow !== 'evict-oldest') return false;
  const all = index.userCalls.get(session.userId) ?? [];
  return all.some(
    ({ operation, startedAt }) =>
      operation.op === 'create' && startedAt - TOLERANCE <= record.occurredAt,
  );
}

function problemOfExpiry(
  { created }: SessionHistory,
  { occurredAt }: EventRecord,
  { guarantees }: HistoryIndex,
): [Violation['kind'], string] | null {
  const [creation] = created;
  if (!creation) return null;
  if (occurredAt > creation.expiresAt) return ['wrong', 'expired after its absolute expiry'];
  if (occurredAt === creation.expiresAt) return null;
  const earliest = creation.sessionCreatedAt + guarantees.idleTimeout;
  return guarantees.idleTimeout === 0 || occurredAt < earliest
    ? ['wrong', 'expired too early']
    : null;
}
