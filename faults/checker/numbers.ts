import type { EventRecord, Evidence } from './evidence.js';
import { isWithin, type Damages } from './guarantees.js';
import { IncidentIndex, MENDING_TIME } from './incidents.js';
import type { Violation } from './violation.js';

/**
 * Each event has the next number of its bucket. So every number that was given out is in the ledger,
 * once and in order, or an incident names it.
 */
export function checkNumbers(evidence: Evidence, damages: Damages): Violation[] {
  const incidents = new IncidentIndex(evidence.incidents);
  return evidence.numbers.flatMap(({ bucket, committed, given, isDamaged }) => {
    const events = evidence.events.filter(({ chain }) => chain === bucket);
    const problems = [
      ...problemsOf(events, committed, incidents, damages),
      ...(isDamaged ? ['something that was forgotten is not made good'] : []),
      ...(committed === given ? [] : [`Redis gave out ${given} numbers, SQL has ${committed}`]),
    ];
    return problems.map((problem): Violation => {
      return { kind: 'lost', handle: null, text: `bucket ${bucket}: ${problem}` };
    });
  });
}

function problemsOf(
  events: EventRecord[],
  committed: number,
  incidents: IncidentIndex,
  damages: Damages,
): string[] {
  const problems: string[] = [];
  let last = 0;
  let lastAt = -Infinity;
  for (const { chain, seq, number, recordedAt } of events) {
    if (number === null) continue;
    if (number <= last) {
      // The numbers of an empty Redis start again.
      const restarts = incidents
        .of('adopted')
        .some((adoption) => adoption.recordedAt >= lastAt && adoption.recordedAt <= recordedAt);
      if (restarts) last = 0;
      else problems.push(`row ${seq} has the number ${number} after ${last}`);
    }
    problems.push(...missing(chain, last + 1, number - 1, recordedAt));
    last = number;
    lastAt = recordedAt;
  }
  const chain = events[0]?.chain;
  if (chain !== undefined) problems.push(...missing(chain, last + 1, committed, lastAt));
  return problems;

  function missing(chain: number, from: number, to: number, recordedAt: number): string[] {
    if (mayRepeat(chain, recordedAt, damages)) return [];
    const numbers = Array.from({ length: Math.max(0, to - from + 1) }, (_, i) => from + i);
    const unnamed = numbers.filter((number) => !incidents.isInGap(chain, number));
    if (unnamed.length === 0) return [];
    return [`${unnamed.length} events from ${unnamed[0]} on are neither recorded nor named`];
  }
}

/**
 * A Redis that went back may end sessions a second time, at the same moment and for the same reason:
 * the sweep of those that expired. The drain drops these events.
 */
function mayRepeat(chain: number, recordedAt: number, { redisLosses }: Damages): boolean {
  return redisLosses.some(
    ({ buckets, at, to }) =>
      buckets.has(chain) && isWithin(recordedAt, { from: at, to: to + MENDING_TIME }),
  );
}
