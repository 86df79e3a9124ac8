import type { Call } from '../history.js';
import type { Breach } from './breach.js';
import { callOf, type Case, type Dossier } from './dossier.js';
import type { EventRecord } from './evidence.js';
import { isRefusal, TOLERANCE } from './promises.js';

/** Each session has one beginning, and each beginning a call that made it. */
export function checkBeginning(dossier: Dossier, theCase: Case): Breach[] {
  const { handle, created, beginning, destroyed } = dossier;
  const breach = (kind: Breach['kind'], text: string): Breach => ({ kind, handle, text });
  if (created.length > 1) return [breach('doubled', `${created.length} created records`)];
  const [record] = created;
  if (beginning && !record)
    return [breach('lost', 'its call was answered, and it is not recorded')];
  if (!record && dossier.live) return [breach('lost', 'it lives without a created record')];
  if (!record && destroyed.length > 0) return [breach('lost', 'an end without a beginning')];
  if (!record) return [];
  const origin = beginning
    ? checkMoments(beginning, record, breach)
    : findOrigin(dossier, record, theCase);
  return [...origin, ...checkLifetime(dossier, record, theCase)];
}

/** The record says what the call said. */
function checkMoments(
  call: Call,
  record: EventRecord,
  breach: (kind: Breach['kind'], text: string) => Breach,
): Breach[] {
  const begun = call.answer?.ok && 'begun' in call.answer.value ? call.answer.value.begun : null;
  if (!begun) return [];
  if (begun.createdAt !== record.sessionCreatedAt || begun.expiresAt !== record.expiresAt) {
    return [breach('wrong', 'the record has other times than the answer')];
  }
  const early = record.occurredAt < call.startedAt - TOLERANCE;
  const late = record.occurredAt > call.endedAt! + TOLERANCE;
  return early || late ? [breach('wrong', 'recorded at a moment outside of its call')] : [];
}

/** The hard end is where the call asked for it. */
function checkLifetime(dossier: Dossier, record: EventRecord, { calls }: Case): Breach[] {
  const asked = dossier.marker === null ? undefined : callOf(calls, dossier.marker)?.operation;
  if (asked?.op !== 'create' || record.reason === 'rotated') return [];
  const want = asked.until ?? record.sessionCreatedAt + asked.lifetime;
  if (want === record.expiresAt) return [];
  const text = `its hard end is off by ${record.expiresAt - want} ms`;
  return [{ kind: 'wrong', handle: dossier.handle, text }];
}

/** The call of a session whose beginning was never answered. */
function findOrigin(dossier: Dossier, record: EventRecord, theCase: Case): Breach[] {
  const { handle, marker } = dossier;
  const kin = marker === null ? [] : (theCase.byMarker.get(marker) ?? []);
  const call = marker === null ? undefined : callOf(theCase.calls, marker);
  if (call?.operation.op !== 'create') {
    return [{ kind: 'phantom', handle, text: 'no call asked for it' }];
  }
  return record.reason === 'rotated'
    ? findRotation(dossier, record, kin)
    : findCreation(dossier, call, kin);
}

function findCreation({ handle }: Dossier, call: Call, kin: Dossier[]): Breach[] {
  const roots = kin.filter(({ created }) => created.some(({ reason }) => reason !== 'rotated'));
  if (roots.length > 1) {
    return [{ kind: 'doubled', handle, text: `call ${call.n} began ${roots.length} sessions` }];
  }
  if (call.answer?.ok) {
    return [{ kind: 'phantom', handle, text: `call ${call.n} gave out another session` }];
  }
  if (call.answer && isRefusal(call.answer.code)) {
    return [{ kind: 'phantom', handle, text: `call ${call.n} was refused, and began it` }];
  }
  return [];
}

function findRotation(dossier: Dossier, record: EventRecord, kin: Dossier[]): Breach[] {
  const { handle } = dossier;
  const parent = kin.find(({ destroyed }) =>
    destroyed.some((end) => end.reason === 'rotated' && end.occurredAt === record.sessionCreatedAt),
  );
  const calls = parent?.calls.filter(({ operation }) => operation.op === 'rotate') ?? [];
  if (calls.some((call) => call.answer?.ok)) {
    return [{ kind: 'doubled', handle, text: 'one rotation began two sessions' }];
  }
  const isPossible = calls.some(({ answer }) => !answer || (!answer.ok && !isRefusal(answer.code)));
  return isPossible ? [] : [{ kind: 'phantom', handle, text: 'no rotation asked for it' }];
}
