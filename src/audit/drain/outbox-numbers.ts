/** The numbers `from` to `to`, inclusive. */
export interface NumberRange {
  from: number;
  to: number;
}

/** What the numbers of a batch say about Redis and Postgres. */
export interface NumberVerdict {
  /** The last number that is committed with this batch. */
  committed: number;
  /** Redis went back: of the committed numbers, those in this range are lost in it. */
  rollback: NumberRange | null;
  /** These numbers never reached Postgres: their entries are lost, or Postgres went back. */
  gaps: NumberRange[];
}

/** An entry at the head of the outbox. */
export interface NumberedEntry {
  /** Null if the entry has none: no script of the module wrote it. */
  number: number | null;
  /** False if the rest of the entry can't be parsed, so that its number may be anything. */
  isReadable: boolean;
  /** Whether exactly this event is in SQL already. */
  isReplay: boolean;
}

/**
 * Judges the numbers of the entries at the head of an outbox, in their order. Numbers that follow
 * `committed` are new. A number at or below it was committed before: either with this very entry,
 * whose deletion was interrupted, or with another one that Redis has forgotten since.
 *
 * @param committed the last committed number, read under the chain's lock
 * @param last the bucket's outbox number, read before the entries: every event up to it was in the
 * outbox, unless it is committed
 */
export function judgeNumbers(
  committed: number,
  last: number,
  entries: NumberedEntry[],
): NumberVerdict {
  const gaps: NumberRange[] = [];
  let next = committed + 1;
  let reused = last < committed ? last + 1 : Infinity;
  for (const { number, isReadable, isReplay } of entries) {
    if (number === null || (!isReadable && number > next)) continue;
    if (number < next) {
      if (number <= committed && !isReplay) reused = Math.min(reused, number);
      continue;
    }
    if (number > next) gaps.push({ from: next, to: number - 1 });
    next = number + 1;
  }
  if (entries.length === 0 && last >= next) {
    gaps.push({ from: next, to: last });
    next = last + 1;
  }
  const rollback = reused <= committed ? { from: reused, to: committed } : null;
  return { committed: next - 1, rollback, gaps };
}
