import type { Breach } from './breach.js';
import type { Dossier } from './dossier.js';

/** The row in `sessions` says what the two events say. */
export function checkRow({ handle, created, destroyed, rows }: Dossier): Breach[] {
  const breach = (text: string): Breach => ({ kind: 'wrong', handle, text });
  if (created.length > 1 || destroyed.length > 1) return []; // told already
  const [begun] = created;
  const [ended] = destroyed;
  if (!begun && !ended) return rows.length > 0 ? [breach('a row in sessions without events')] : [];
  if (rows.length !== 1) return [breach(`${rows.length} rows in sessions`)];
  const row = rows[0]!;
  if (row.beginRecorded !== Boolean(begun)) return [breach('begin_recorded is wrong')];
  if (begun && (row.createdAt !== begun.sessionCreatedAt || row.expiresAt !== begun.expiresAt)) {
    return [breach('the row has other times than the created record')];
  }
  const isSameEnd =
    row.endedAt === (ended?.occurredAt ?? null) &&
    row.endReason === (ended?.reason ?? null) &&
    row.endedBy === (ended?.actor ?? null);
  return isSameEnd ? [] : [breach('the row has another end than the destroyed record')];
}
