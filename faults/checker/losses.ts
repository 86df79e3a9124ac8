import type { Call } from '../history.js';
import { checkCreation } from './creation.js';
import type { Violation } from './violation.js';
import { bucketOf, relatedTo, type HistoryIndex, type SessionHistory } from './session-history.js';
import { checkEnd } from './end.js';
import { isFoundAfterEnd } from './life.js';
import { checkRow } from './row.js';

/** Acknowledged writes that failovers lost. */
export interface Losses {
  /** Sessions that were created and left no trace: neither live nor recorded. */
  starts: number;
  /** Ends that were undone: the session is live, and open in SQL, until something ends it. */
  ends: number;
  /** Sessions that SQL knew but Redis lost: reconciliation recorded their end as `lost`. */
  endedAsLost: number;
}

/**
 * Whether a failover may have lost a write of the session, or of one that it was rotated from. If
 * the end of that earlier session was undone, this session may still exist.
 */
export function isAtRisk(session: SessionHistory, index: HistoryIndex): boolean {
  const related = relatedTo(session, index);
  const start = Math.min(...related.map(startOf));
  const end = session.destroyed[0]?.occurredAt ?? Infinity;
  const windows = index.guarantees.lossWindows.filter(
    ({ from, to, buckets }) => buckets.has(bucketOf(session.handle)) && start <= to && end >= from,
  );
  if (windows.length === 0) return false;
  const user = index.userCalls.get(session.userId) ?? [];
  const own = related.flatMap((each) => [each.creation, ...each.calls]);
  const calls = [...own, ...user.filter(changesSessions)];
  const spans = calls.flatMap((call) => (call ? [[call.startedAt, call.endedAt ?? Infinity]] : []));
  const moments = [...session.created, ...session.destroyed].map((each) => each.occurredAt);
  return windows.some(
    ({ from, to }) =>
      spans.some(([first, last]) => first! <= to && last! >= from) ||
      moments.some((moment) => moment >= from && moment <= to),
  );
}

function startOf({ created, creation }: SessionHistory): number {
  return created[0]?.occurredAt ?? creation?.startedAt ?? -Infinity;
}

function changesSessions({ operation }: Call): boolean {
  return operation.op === 'destroyAll' || operation.op === 'create';
}

/**
 * A failover may lose acknowledged writes, but detectably: no end is recorded twice, no session is live
 * without a record, and after reconciliation no session that has ended in SQL is live.
 */
export function checkAfterFailover(
  session: SessionHistory,
  index: HistoryIndex,
  losses: Losses,
): Violation[] {
  const { created, destroyed, live, creation, handle } = session;
  if (created.length > 1 || destroyed.length > 1 || (live && created.length === 0)) {
    return [...checkCreation(session, index), ...checkEnd(session, index)];
  }
  if (live && destroyed.length > 0) {
    const text = 'its end is recorded but after reconciliation Redis still has it';
    return [{ kind: 'resurrected', handle, text }];
  }
  if (created.length > 0 && destroyed.length === 0 && !live && !session.inExpiryIndex) {
    return [{ kind: 'lost', handle, text: 'Redis lost it but its end is not recorded' }];
  }
  if (creation && created.length === 0) losses.starts += 1;
  if (isFoundAfterEnd(session, index)) losses.ends += 1;
  if (destroyed[0]?.reason === 'lost') losses.endedAsLost += 1;
  return checkRow(session);
}
