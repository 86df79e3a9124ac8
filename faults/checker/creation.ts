import type { Call } from '../history.js';
import type { Violation } from './violation.js';
import { callOf, relatedTo, type HistoryIndex, type SessionHistory } from './session-history.js';
import type { EventRecord } from './evidence.js';
import { isRejection, overlaps, TOLERANCE, type Span } from './guarantees.js';

/** Each session has one `created` record, and each such record has a call that created the session. */
export function checkCreation(session: SessionHistory, index: HistoryIndex): Violation[] {
  const { handle, created, creation, destroyed } = session;
  const violation = (kind: Violation['kind'], text: string): Violation => ({ kind, handle, text });
  if (created.length > 1) return [violation('doubled', `${created.length} created records`)];
  const [record] = created;
  if (creation && !record) {
    if (session.loss.hasVanished) return [];
    return [violation('lost', 'its creation was answered but is not recorded')];
  }
  if (!record && session.live) return [violation('lost', 'it is live without a created record')];
  if (!record && destroyed.length > 0)
    return [violation('lost', 'a destroyed record without a created one')];
  if (!record) return [];
  const cause = creation
    ? checkTimes(creation, record, violation)
    : findCause(session, record, index);
  return [...cause, ...checkLifetime(session, record, index)];
}

/** The record agrees with the call. */
function checkTimes(
  call: Call,
  record: EventRecord,
  violation: (kind: Violation['kind'], text: string) => Violation,
): Violation[] {
  const value = call.answer?.ok ? call.answer.value : null;
  if (!value || !('created' in value)) return [];
  const { createdAt, expiresAt } = value.created;
  if (createdAt !== record.sessionCreatedAt || expiresAt !== record.expiresAt) {
    return [violation('wrong', 'the record has other times than the answer')];
  }
  const early = record.occurredAt < call.startedAt - TOLERANCE;
  const late = record.occurredAt > call.endedAt! + TOLERANCE;
  return early || late ? [violation('wrong', 'the recorded time is outside its call')] : [];
}

/** The absolute expiry is the one that the call requested. */
function checkLifetime(
  session: SessionHistory,
  record: EventRecord,
  { calls }: HistoryIndex,
): Violation[] {
  const asked = session.marker === null ? undefined : callOf(calls, session.marker)?.operation;
  if (asked?.op !== 'create' || record.reason === 'rotated') return [];
  const expected = asked.until ?? record.sessionCreatedAt + asked.lifetime;
  if (expected === record.expiresAt) return [];
  const text = `its absolute expiry is off by ${record.expiresAt - expected} ms`;
  return [{ kind: 'wrong', handle: session.handle, text }];
}

/** Checks that some call may have created the session, whose creation was never acknowledged. */
function findCause(session: SessionHistory, record: EventRecord, index: HistoryIndex): Violation[] {
  const { handle, marker } = session;
  const related = relatedTo(session, index);
  const call = marker === null ? undefined : callOf(index.calls, marker);
  if (call?.operation.op !== 'create') {
    return [{ kind: 'phantom', handle, text: 'no call asked for it' }];
  }
  return record.reason === 'rotated'
    ? findRotation(session, record, related, index)
    : findCreation(session, call, related);
}

function findCreation(
  { handle }: SessionHistory,
  call: Call,
  related: SessionHistory[],
): Violation[] {
  const roots = related.filter(({ created }) => created.some(({ reason }) => reason !== 'rotated'));
  if (roots.length > 1) {
    return [{ kind: 'doubled', handle, text: `call ${call.n} created ${roots.length} sessions` }];
  }
  if (call.answer?.ok) {
    return [{ kind: 'phantom', handle, text: `call ${call.n} returned another session` }];
  }
  if (call.answer && isRejection(call.answer.code)) {
    return [{ kind: 'phantom', handle, text: `call ${call.n} was rejected but created it` }];
  }
  return [];
}

function findRotation(
  session: SessionHistory,
  record: EventRecord,
  related: SessionHistory[],
  { incidents }: HistoryIndex,
): Violation[] {
  const { handle } = session;
  const calls = parentsOf(record, related, incidents)
    .flatMap((parent) => parent.calls)
    .filter((call) => call.operation.op === 'rotate' && overlaps(call, at(record.occurredAt)));
  if (calls.some((call) => call.answer?.ok)) {
    return [{ kind: 'doubled', handle, text: 'one rotation created two sessions' }];
  }
  const isPossible = calls.some(
    ({ answer }) => !answer || (!answer.ok && !isRejection(answer.code)),
  );
  return isPossible ? [] : [{ kind: 'phantom', handle, text: 'no rotation asked for it' }];
}

/** The session whose rotation created the record's. If it had come back, its end was recorded before. */
function parentsOf(
  { sessionCreatedAt }: EventRecord,
  related: SessionHistory[],
  incidents: HistoryIndex['incidents'],
): SessionHistory[] {
  return related.filter(
    ({ handle, destroyed }) =>
      destroyed.some((end) => end.reason === 'rotated' && end.occurredAt === sessionCreatedAt) ||
      incidents.returnsOf(handle).includes(sessionCreatedAt),
  );
}

function at(moment: number): Span {
  return { from: moment, to: moment };
}
