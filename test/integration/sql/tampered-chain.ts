import { expect } from '@jest/globals';

import type { LedgerBreak } from '../../../src/audit/queries/verifier.js';
import type { RecordedTrail } from './use-recorded-trail.js';

/** The chain that the specs tamper with. */
export const CHAIN = 0;

/** Rows of the chain, by their `seq`. */
export interface ChainRows {
  /** The start of a session with a client, in the middle of the chain. */
  created: string;
  /** The end of a session with reason and actor, in the middle of the chain. */
  destroyed: string;
  last: string;
}

export async function findRows({ client }: RecordedTrail): Promise<ChainRows> {
  const { rows } = await client.query<ChainRows>(
    `SELECT min(seq) FILTER (WHERE event = 'created' AND seq > 10 AND reason IS NULL) AS created,
            min(seq) FILTER (WHERE actor IS NOT NULL AND seq > 10) AS destroyed, max(seq) AS last
     FROM session_events WHERE chain = $1`,
    [CHAIN],
  );
  return rows[0]!;
}

/** The seq that is `steps` after another one. */
export const after = (seq: string, steps = 1) => String(BigInt(seq) + BigInt(steps));

/** Expects both verifications to report these breaks; they may report others that follow. */
export async function expectBreaks(
  trail: RecordedTrail,
  ...breaks: Partial<LedgerBreak>[]
): Promise<void> {
  const expected = breaks.map((each) => expect.objectContaining(each));
  expect(await trail.verify()).toEqual(expect.arrayContaining(expected));
  expect(await trail.verifyBySql()).toEqual(expect.arrayContaining(expected));
}
