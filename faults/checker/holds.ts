import type { Evidence } from './evidence.js';
import type { Damages } from './guarantees.js';
import type { Violation } from './violation.js';

/**
 * While Redis is empty and not adopted, nothing is recorded. A row's time is that of the moment at
 * which its chain was locked, so a drain that began before may still commit.
 */
export function checkHolds({ events }: Evidence, { holds }: Damages): Violation[] {
  return events.flatMap(({ recordedAt, handle, event, reason }) => {
    const hold = holds.find(({ from, to }) => recordedAt > from && recordedAt < to);
    if (!hold) return [];
    const after = Math.round(recordedAt - hold.from);
    const text = `'${event} ${reason ?? ''}' was recorded ${after} ms after Redis was emptied, while the ledger was to be held`;
    return [{ kind: 'wrong', handle, text } as const];
  });
}
