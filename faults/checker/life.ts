import type { Call } from '../history.js';
import type { Violation } from './violation.js';
import { callOf, type HistoryIndex, type SessionHistory } from './session-history.js';
import { acknowledgedEnds } from './end.js';
import { overlaps, TOLERANCE } from './guarantees.js';

/** Calls find a session alive from its creation to its end, and never afterwards. */
export function checkLife(session: SessionHistory, index: HistoryIndex): Violation[] {
  const observations = observationsOf(session, index);
  return [
    ...checkResurrection(session, index, observations),
    ...checkDisappearance(session, observations),
  ];
}

interface Observation {
  call: Call;
  live: boolean;
}

/** What answers said about the session: alive at some time during the call, or not. */
function observationsOf(session: SessionHistory, { userCalls }: HistoryIndex): Observation[] {
  const own = session.calls.flatMap((call) => {
    const live = aliveBy(call);
    return live === null ? [] : [{ call, live }];
  });
  const lists = (userCalls.get(session.userId) ?? []).flatMap((call) => {
    if (!call.answer?.ok || !('handles' in call.answer.value)) return [];
    return [{ call, live: call.answer.value.handles.includes(session.handle) }];
  });
  return [...own, ...lists];
}

function aliveBy({ operation, answer }: Call): boolean | null {
  if (!answer) return null;
  if (!answer.ok) return answer.code === 'ERR_SESSION_NOT_FOUND' ? false : null;
  if ('live' in answer.value) return answer.value.live;
  return operation.op === 'update' || operation.op === 'rotate' ? true : null;
}

function checkResurrection(
  session: SessionHistory,
  index: HistoryIndex,
  observations: Observation[],
): Violation[] {
  const { handle, destroyed, live, loss } = session;
  const over = firstEnd(session, index);
  const seen = observations.find(
    ({ call, live: isAlive }) =>
      isAlive && call.startedAt > over && !loss.alive.some((span) => overlaps(call, span)),
  );
  if (seen) {
    const text = `call ${seen.call.n} found it alive after its end`;
    return [{ kind: 'resurrected', handle, text }];
  }
  if (live && destroyed.length > 0) {
    return [{ kind: 'resurrected', handle, text: 'its end is recorded but Redis still has it' }];
  }
  if (live && loss.isHeir) {
    const text = 'it is live although it was made of a session that had ended and come back';
    return [{ kind: 'resurrected', handle, text }];
  }
  if (live && !session.inExpiryIndex) {
    return [
      {
        kind: 'lost',
        handle,
        text: 'it is live but not in the expiry index, so it will never end',
      },
    ];
  }
  return [];
}

/** The time after which no call may find the session alive. */
function firstEnd(session: SessionHistory, index: HistoryIndex): number {
  const { destroyed, created, marker } = session;
  const answered = acknowledgedEnds(session, index).map(({ over }) => over);
  const recorded = destroyed.map(({ occurredAt }) => occurredAt + TOLERANCE);
  const asked = marker === null ? undefined : callOf(index.calls, marker)?.operation;
  const root = created[0];
  const promised =
    asked?.op === 'create' && root && root.reason !== 'rotated'
      ? [(asked.until ?? root.sessionCreatedAt + asked.lifetime) + TOLERANCE]
      : [];
  return Math.min(...answered, ...recorded, ...promised);
}

/** A call found the session gone although nothing had ended it. */
function checkDisappearance(session: SessionHistory, observations: Observation[]): Violation[] {
  const { handle, creation, destroyed, loss } = session;
  if (!creation) return [];
  const end = Math.min(...destroyed.map(({ occurredAt }) => occurredAt - TOLERANCE));
  const missed = observations.find(
    ({ live, call }) =>
      !live &&
      call.startedAt > creation.endedAt! &&
      call.endedAt! < end &&
      !loss.absent.some((span) => overlaps(call, span)),
  );
  if (!missed) return [];
  return [{ kind: 'lost', handle, text: `call ${missed.call.n} did not find it before its end` }];
}
