import type { Violation } from './violation.js';
import type { SessionHistory } from './session-history.js';

/** The row in `sessions` agrees with the two events. */
export function checkRow({ handle, created, destroyed, rows }: SessionHistory): Violation[] {
  const violation = (text: string): Violation => ({ kind: 'wrong', handle, text });
  if (created.length > 1 || destroyed.length > 1) return []; // already reported
  const [start] = created;
  const [end] = destroyed;
  if (!start && !end) return rows.length > 0 ? [violation('a row in sessions without events')] : [];
  if (rows.length !== 1) return [violation(`${rows.length} rows in sessions`)];
  const row = rows[0]!;
  if (row.beginRecorded !== Boolean(start)) return [violation('begin_recorded is wrong')];
  if (start && (row.createdAt !== start.sessionCreatedAt || row.expiresAt !== start.expiresAt)) {
    return [violation('the row has other times than the created record')];
  }
  const isSameEnd =
    row.endedAt === (end?.occurredAt ?? null) &&
    row.endReason === (end?.reason ?? null) &&
    row.endedBy === (end?.actor ?? null);
  return isSameEnd ? [] : [violation('the row has another end than the destroyed record')];
}
