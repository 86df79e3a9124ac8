import type { Call } from '../history.js';
import { checkBeginning } from './beginnings.js';
import type { Breach } from './breach.js';
import { bucketOf, type Case, type Dossier } from './dossier.js';
import { checkEnd } from './ends.js';
import { isFoundAfterEnd } from './life.js';
import { checkRow } from './rows.js';

/** What failovers lost, of what had been answered. */
export interface Losses {
  /** Sessions that began and left no trace: they don't live, and nothing is recorded. */
  beginnings: number;
  /** Ends that were undone: the session lives on, open in SQL, until something ends it. */
  ends: number;
  /** Sessions that SQL knew and Redis had lost: their end is recorded as `lost`. */
  endedAsLost: number;
}

/**
 * Whether a failover could lose something of the session that was answered or recorded; or of one
 * that it was rotated from: where that one's end was undone, this one began all the same.
 */
export function isAtRisk(dossier: Dossier, theCase: Case): boolean {
  const kin = dossier.marker === null ? [] : (theCase.byMarker.get(dossier.marker) ?? []);
  const lives = [dossier, ...kin].map(lifeOf);
  const began = Math.min(...lives.map(([from]) => from));
  const [, ended] = lifeOf(dossier);
  const windows = theCase.promises.lossWindows.filter(
    ({ from, to, buckets }) =>
      buckets.has(bucketOf(dossier.handle)) && began <= to && ended >= from,
  );
  if (windows.length === 0) return false;
  const user = theCase.userCalls.get(dossier.userId) ?? [];
  const own = [dossier, ...kin].flatMap((each) => [each.beginning, ...each.calls]);
  const calls = [...own, ...user.filter(changesSessions)];
  const spans = calls.flatMap((call) => (call ? [[call.startedAt, call.endedAt ?? Infinity]] : []));
  const moments = [...dossier.created, ...dossier.destroyed].map((each) => each.occurredAt);
  return windows.some(
    ({ from, to }) =>
      spans.some(([start, end]) => start! <= to && end! >= from) ||
      moments.some((moment) => moment >= from && moment <= to),
  );
}

function lifeOf({ created, destroyed, beginning }: Dossier): [began: number, ended: number] {
  const began = created[0]?.occurredAt ?? beginning?.startedAt ?? -Infinity;
  return [began, destroyed[0]?.occurredAt ?? Infinity];
}

function changesSessions({ operation }: Call): boolean {
  return operation.op === 'destroyAll' || operation.op === 'create';
}

/**
 * A failover may lose what it had acknowledged, but detectably: no end is doubled, nothing lives
 * without a record, and once reconciled no session that SQL knows to be over lives on.
 */
export function judgeFailover(dossier: Dossier, theCase: Case, losses: Losses): Breach[] {
  const { created, destroyed, live, beginning, handle } = dossier;
  if (created.length > 1 || destroyed.length > 1 || (live && created.length === 0)) {
    return [...checkBeginning(dossier, theCase), ...checkEnd(dossier, theCase)];
  }
  if (live && destroyed.length > 0) {
    const text = 'its end is recorded, and after reconciliation Redis still has it';
    return [{ kind: 'resurrected', handle, text }];
  }
  if (created.length > 0 && destroyed.length === 0 && !live && !dossier.isDue) {
    return [{ kind: 'lost', handle, text: 'Redis lost it, and its end is not recorded' }];
  }
  if (beginning && created.length === 0) losses.beginnings += 1;
  if (isFoundAfterEnd(dossier, theCase)) losses.ends += 1;
  if (destroyed[0]?.reason === 'lost') losses.endedAsLost += 1;
  return checkRow(dossier);
}
