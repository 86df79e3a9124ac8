import type { BucketNumbers, EventRecord, Evidence } from './evidence.js';
import { isWithin, type Damages } from './guarantees.js';
import { IncidentIndex, MENDING_TIME } from './incidents.js';
import type { Violation } from './violation.js';

/**
 * Each event has the next number of its bucket. So every number that was given out is in the ledger,
 * once and in order, or an incident names it.
 */
export function checkNumbers(evidence: Evidence, damages: Damages): Violation[] {
  const incidents = new IncidentIndex(evidence.incidents);
  return evidence.numbers.flatMap((numbers) => {
    const events = evidence.events.filter(({ chain }) => chain === numbers.bucket);
    const check = new NumberCheck(numbers.bucket, incidents, damages);
    return [...check.run(events, numbers.committed), ...problemsOf(numbers)].map(
      (problem): Violation => {
        return { kind: 'lost', handle: null, text: `bucket ${numbers.bucket}: ${problem}` };
      },
    );
  });
}

function problemsOf({ committed, given, isDamaged }: BucketNumbers): string[] {
  return [
    ...(isDamaged ? ['something that was forgotten is not made good'] : []),
    ...(committed === given ? [] : [`Redis gave out ${given} numbers, SQL has ${committed}`]),
  ];
}

/** Goes through the numbers of one chain. */
class NumberCheck {
  private last = 0;
  private lastAt = -Infinity;

  constructor(
    private readonly chain: number,
    private readonly incidents: IncidentIndex,
    private readonly damages: Damages,
  ) {}

  run(events: EventRecord[], committed: number): string[] {
    const problems = events.flatMap((event) => this.next(event));
    return [...problems, ...this.missing(committed, this.lastAt)];
  }

  private next({ seq, number, recordedAt }: EventRecord): string[] {
    if (number === null) return [];
    const problems: string[] = [];
    if (number <= this.last) {
      if (this.restartsBefore(recordedAt)) this.last = 0;
      else problems.push(`row ${seq} has the number ${number} after ${this.last}`);
    }
    problems.push(...this.missing(number - 1, recordedAt));
    this.last = number;
    this.lastAt = recordedAt;
    return problems;
  }

  /** The numbers of an empty Redis, once it is adopted, start again. */
  private restartsBefore(recordedAt: number): boolean {
    return this.incidents
      .of('adopted')
      .some((adoption) => adoption.recordedAt >= this.lastAt && adoption.recordedAt <= recordedAt);
  }

  /** The numbers from the last one up to this one. */
  private missing(upTo: number, recordedAt: number): string[] {
    if (this.mayRepeat(recordedAt)) return [];
    const length = Math.max(0, upTo - this.last);
    const numbers = Array.from({ length }, (_, i) => this.last + 1 + i);
    const unnamed = numbers.filter((number) => !this.incidents.isInGap(this.chain, number));
    if (unnamed.length === 0) return [];
    return [`${unnamed.length} events from ${unnamed[0]} on are neither recorded nor named`];
  }

  /**
   * A Redis that went back may end sessions a second time, at the same moment and for the same
   * reason: the sweep of those that expired. The drain drops these events.
   */
  private mayRepeat(recordedAt: number): boolean {
    return this.damages.redisLosses.some(
      ({ buckets, at, to }) =>
        buckets.has(this.chain) && isWithin(recordedAt, { from: at, to: to + MENDING_TIME }),
    );
  }
}
