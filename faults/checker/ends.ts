import type { Call } from '../history.js';
import type { Breach } from './breach.js';
import { callOf, type Case, type Dossier } from './dossier.js';
import type { EventRecord } from './evidence.js';
import { isRefusal, TOLERANCE } from './promises.js';

/** An answered call after which the session is over. */
export interface AcknowledgedEnd {
  call: Call;
  over: number;
}

/** Each session that is over has one end, and each end a cause. */
export function checkEnd(dossier: Dossier, theCase: Case): Breach[] {
  const { handle, destroyed } = dossier;
  const breach = (kind: Breach['kind'], text: string): Breach => ({ kind, handle, text });
  if (destroyed.length > 1) return [breach('doubled', `${destroyed.length} destroyed records`)];
  const [record] = destroyed;
  if (record) return checkCause(dossier, record, theCase);
  const [end] = acknowledgedEnds(dossier, theCase);
  if (end) {
    return [breach('lost', `call ${end.call.n} was answered, and the end is not recorded`)];
  }
  const isGone = dossier.created.length > 0 && !dossier.live && !dossier.isDue;
  return isGone ? [breach('lost', 'Redis has it no more, and no end is recorded')] : [];
}

export function acknowledgedEnds(dossier: Dossier, theCase: Case): AcknowledgedEnd[] {
  const own = dossier.calls.filter(
    ({ operation, answer }) =>
      answer?.ok && ['destroy', 'destroyByHandle', 'rotate'].includes(operation.op),
  );
  const all = theCase.userCalls.get(dossier.userId) ?? [];
  const everywhere = all.filter((call) => call.answer?.ok && coversAll(call, dossier, theCase));
  return [...own, ...everywhere].map((call) => ({ call, over: call.endedAt! }));
}

/** Whether the session was there when a destroy-all of its user began, and not spared. */
function coversAll({ operation, startedAt }: Call, dossier: Dossier, theCase: Case): boolean {
  if (operation.op !== 'destroyAll') return false;
  const spared = operation.exceptHandle && theCase.dossiers.get(operation.exceptHandle);
  if (spared && (spared === dossier || spared.marker === dossier.marker)) return false;
  // What a session is rotated to was signed in when the first one was.
  const kin = dossier.marker === null ? [] : (theCase.byMarker.get(dossier.marker) ?? []);
  const signedIn = Math.min(
    ...[dossier, ...kin].flatMap(({ created }) => created.map((each) => each.sessionCreatedAt)),
  );
  return signedIn < startedAt - TOLERANCE;
}

function checkCause(dossier: Dossier, record: EventRecord, theCase: Case): Breach[] {
  const why = whyWrong(dossier, record, theCase);
  return why ? [{ kind: why[0], handle: dossier.handle, text: why[1] }] : [];
}

function whyWrong(
  dossier: Dossier,
  record: EventRecord,
  theCase: Case,
): [Breach['kind'], string] | null {
  switch (record.reason) {
    case 'logout':
    case 'revoked':
      return whyNotByCall(dossier, record, theCase);
    case 'rotated':
      return isByRotation(dossier) ? null : ['phantom', 'no rotation asked for its end'];
    case 'evicted':
      return isByEviction(dossier, record, theCase) ? null : ['phantom', 'nothing evicted it'];
    case 'expired':
      return whyNotExpired(dossier, record, theCase);
    default:
      return ['lost', `ended as '${record.reason}', where Redis lost nothing`];
  }
}

function whyNotByCall(
  dossier: Dossier,
  record: EventRecord,
  { calls }: Case,
): [Breach['kind'], string] | null {
  const call = callOf(calls, record.actor ?? '');
  const operation = call?.operation;
  const isItsOwn =
    (operation?.op === 'destroyAll' && operation.userId === dossier.userId) ||
    (operation && operation.op.startsWith('destroy') && dossier.calls.includes(call!));
  if (!call || !isItsOwn) return ['phantom', 'no call asked for its end'];
  const early = record.occurredAt < call.startedAt - TOLERANCE;
  const late = call.answer?.ok && record.occurredAt > call.endedAt! + TOLERANCE;
  return early || late ? ['wrong', 'ended at a moment outside of its call'] : null;
}

function isByRotation({ calls }: Dossier): boolean {
  return calls.some(
    ({ operation, answer }) =>
      operation.op === 'rotate' && (!answer || answer.ok || !isRefusal(answer.code)),
  );
}

function isByEviction(dossier: Dossier, record: EventRecord, theCase: Case): boolean {
  const { overflow, maxSessionsPerUser } = theCase.promises;
  if (maxSessionsPerUser === 0 || overflow !== 'evict-oldest') return false;
  const all = theCase.userCalls.get(dossier.userId) ?? [];
  return all.some(
    ({ operation, startedAt }) =>
      operation.op === 'create' && startedAt - TOLERANCE <= record.occurredAt,
  );
}

function whyNotExpired(
  { created }: Dossier,
  { occurredAt }: EventRecord,
  { promises }: Case,
): [Breach['kind'], string] | null {
  const [begun] = created;
  if (!begun) return null;
  if (occurredAt > begun.expiresAt) return ['wrong', 'expired after its hard end'];
  if (occurredAt === begun.expiresAt) return null;
  const soonest = begun.sessionCreatedAt + promises.idleTimeout;
  return promises.idleTimeout === 0 || occurredAt < soonest
    ? ['wrong', 'expired before its time']
    : null;
}
