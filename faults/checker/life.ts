import type { Call } from '../history.js';
import type { Breach } from './breach.js';
import { callOf, type Case, type Dossier } from './dossier.js';
import { acknowledgedEnds } from './ends.js';
import { TOLERANCE } from './promises.js';

/** A session is found alive from its beginning to its end, and never after. */
export function checkLife(dossier: Dossier, theCase: Case): Breach[] {
  const sightings = sightingsOf(dossier, theCase);
  return [
    ...checkAfterlife(dossier, theCase, sightings),
    ...checkDisappearance(dossier, theCase, sightings),
  ];
}

/** Whether a call was answered that ended it, and it was alive after that. */
export function isFoundAfterEnd(dossier: Dossier, theCase: Case): boolean {
  const answered = acknowledgedEnds(dossier, theCase).map(({ over }) => over);
  if (answered.length === 0) return false;
  if (dossier.live) return true;
  const over = Math.min(...answered);
  return sightingsOf(dossier, theCase).some(({ live, call }) => live && call.startedAt > over);
}

interface Sighting {
  call: Call;
  live: boolean;
}

/** What answers said of the session: alive at some moment of the call, or over. */
function sightingsOf(dossier: Dossier, { userCalls }: Case): Sighting[] {
  const own = dossier.calls.flatMap((call) => {
    const live = aliveBy(call);
    return live === null ? [] : [{ call, live }];
  });
  const lists = (userCalls.get(dossier.userId) ?? []).flatMap((call) => {
    if (!call.answer?.ok || !('handles' in call.answer.value)) return [];
    return [{ call, live: call.answer.value.handles.includes(dossier.handle) }];
  });
  return [...own, ...lists];
}

function aliveBy({ operation, answer }: Call): boolean | null {
  if (!answer) return null;
  if (!answer.ok) return answer.code === 'ERR_SESSION_NOT_FOUND' ? false : null;
  if ('live' in answer.value) return answer.value.live;
  return operation.op === 'update' || operation.op === 'rotate' ? true : null;
}

function checkAfterlife(dossier: Dossier, theCase: Case, sightings: Sighting[]): Breach[] {
  const { handle, destroyed, live } = dossier;
  const over = firstEnd(dossier, theCase);
  const seen = sightings.find((each) => each.live && each.call.startedAt > over);
  if (seen) {
    const text = `call ${seen.call.n} found it alive after its end`;
    return [{ kind: 'resurrected', handle, text }];
  }
  if (live && destroyed.length > 0) {
    return [{ kind: 'resurrected', handle, text: 'its end is recorded, and Redis still has it' }];
  }
  if (live && !dossier.isDue) {
    return [
      { kind: 'lost', handle, text: 'it lives, and nothing in the expiry index will end it' },
    ];
  }
  return [];
}

/** The moment from which on nothing may find the session alive. */
function firstEnd(dossier: Dossier, theCase: Case): number {
  const { destroyed, created, marker } = dossier;
  const answered = acknowledgedEnds(dossier, theCase).map(({ over }) => over);
  const recorded = destroyed.map(({ occurredAt }) => occurredAt + TOLERANCE);
  const asked = marker === null ? undefined : callOf(theCase.calls, marker)?.operation;
  const root = created[0];
  const promised =
    asked?.op === 'create' && root && root.reason !== 'rotated'
      ? [(asked.until ?? root.sessionCreatedAt + asked.lifetime) + TOLERANCE]
      : [];
  return Math.min(...answered, ...recorded, ...promised);
}

/** Found gone though nothing had ended it. */
function checkDisappearance(dossier: Dossier, _theCase: Case, sightings: Sighting[]): Breach[] {
  const { handle, beginning, destroyed } = dossier;
  if (!beginning) return [];
  const end = Math.min(...destroyed.map(({ occurredAt }) => occurredAt - TOLERANCE));
  const missed = sightings.find(
    ({ live, call }) => !live && call.startedAt > beginning.endedAt! && call.endedAt! < end,
  );
  if (!missed) return [];
  return [{ kind: 'lost', handle, text: `call ${missed.call.n} missed it before its end` }];
}
