import * as fc from 'fast-check';
import { beforeAll, describe, expect, it } from '@jest/globals';

import { useRecordedTrail } from './use-recorded-trail.js';

/** A change to the ledger. `row` is taken modulo the number of rows. */
type Tampering =
  | { kind: 'set'; row: number; column: string; value: string }
  | { kind: 'delete'; row: number; count: number }
  | { kind: 'copy'; row: number; seq: number; later: number }
  | { kind: 'swap'; row: number; other: number; columns: string[] }
  | { kind: 'head'; chain: number; column: string; value: string };

const VALUES: Record<string, string[]> = {
  chain: ['1 - chain', '17', '300'],
  seq: ['seq + 1000', '-seq', 'seq + 1'],
  occurred_at: [`occurred_at + interval '1 second'`, `occurred_at + interval '1 hour'`],
  event: [`'created'`, `'destroyed'`],
  token: [`reverse(token)`, `'00' || left(token, 43)`],
  session_created_at: [`occurred_at`, `recorded_at`, `occurred_at - interval '1 ms'`],
  user_id: [`'user1'`, `E'\\x1e'`, `''`, 'NULL'],
  expires_at: ['occurred_at', `'-infinity'`],
  reason: [`'logout'`, `E'\\x1e'`, `''`, 'NULL'],
  actor: [`'user1'`, `E'user1\\x1fuser2'`, 'NULL'],
  client: [`''`, `sha256('x')`, 'NULL'],
  recorded_at: ['occurred_at', `recorded_at + interval '1 ms'`],
  hash: [`sha256(hash)`, `sha256('')`],
};
const HEAD_VALUES: Record<string, string[]> = {
  last_seq: ['last_seq + 1', 'last_seq - 1', '0'],
  last_hash: [`sha256(last_hash)`, `sha256('')`],
  updated_at: ['NULL', `updated_at - interval '1 second'`],
  retired_seq: ['1', '-1', 'last_seq'],
  retired_hash: ['last_hash', `sha256('x')`],
};
const columns = Object.keys(VALUES);

const row = fc.nat(10_000);
const pickFrom = (values: Record<string, string[]>) =>
  fc
    .constantFrom(...Object.entries(values))
    .chain(([column, list]) =>
      fc.record({ column: fc.constant(column), value: fc.constantFrom(...list) }),
    );
const tampering: fc.Arbitrary<Tampering> = fc.oneof(
  fc.tuple(row, pickFrom(VALUES)).map(([r, set]) => ({ kind: 'set', row: r, ...set }) as const),
  fc.record({ kind: fc.constant('delete' as const), row, count: fc.integer({ min: 1, max: 5 }) }),
  fc.record({
    kind: fc.constant('copy' as const),
    row,
    seq: fc.integer({ min: -2, max: 200 }),
    later: fc.integer({ min: 1, max: 3 }),
  }),
  fc.record({
    kind: fc.constant('swap' as const),
    row,
    other: row,
    columns: fc.subarray(
      columns.filter((name) => !['chain', 'seq', 'occurred_at'].includes(name)),
      { minLength: 1 },
    ),
  }),
  fc
    .tuple(fc.nat(1), pickFrom(HEAD_VALUES))
    .map(([chain, set]) => ({ kind: 'head', chain, ...set }) as const),
);

describe('Random tampering', () => {
  const trail = useRecordedTrail();
  let rows = 0;

  beforeAll(async () => {
    const counted = await trail.client.query('SELECT count(*)::int AS rows FROM session_events');
    ({ rows } = counted.rows[0]);
  });

  it('both verifications report exactly the chains that differ from the recorded ones', async () => {
    let changed = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(tampering, { minLength: 1, maxLength: 3 }), async (list) => {
        for (const each of list) await apply(each);

        const expected = await changedChains();
        if (expected.length > 0) changed += 1;
        expect(chainsOf(await trail.verify())).toEqual(expected);
        expect(chainsOf(await trail.verifyBySql())).toEqual(expected);
        await trail.restore();
      }),
      { numRuns: 100, endOnFailure: true },
    );
    expect(changed).toBeGreaterThan(50);
  }, 240_000);

  it('both verifications report each changed row at its place or right next to it', async () => {
    await fc.assert(
      fc.asyncProperty(row, pickFrom(VALUES), async (r, { column, value }) => {
        const [place] = await placeOf(r);
        await apply({ kind: 'set', row: r, column, value });
        if ((await changedChains()).length > 0) {
          const near = [0n, 1n, -1n].map((step) => String(BigInt(place!.seq) + step));
          const isNear = ({ chain, seq }: { chain: number | string; seq: string }) =>
            chain === place!.chain && near.includes(seq);
          expect((await trail.verify()).some(isNear)).toBe(true);
          expect((await trail.verifyBySql()).some(isNear)).toBe(true);
        }
        await trail.restore();
      }),
      { numRuns: 60, endOnFailure: true },
    );
  }, 240_000);

  /** Applies a change, unless a constraint prevents it. */
  async function apply(each: Tampering): Promise<void> {
    try {
      await trail.tamper(await statement(each));
    } catch (error) {
      expect((error as { code: string }).code).toMatch(/^(23505|23514)$/);
    }
  }

  async function statement(each: Tampering): Promise<string> {
    if (each.kind === 'head') {
      return `UPDATE session_chains SET ${each.column} = ${each.value} WHERE chain = ${each.chain}`;
    }
    const where = await whereIs(each.row);
    switch (each.kind) {
      case 'set':
        return `UPDATE session_events e SET ${each.column} = ${each.value} WHERE ${where('e')}`;
      case 'delete':
        return `DELETE FROM session_events e USING session_events f
                WHERE ${where('f')} AND e.chain = f.chain
                  AND e.seq >= f.seq AND e.seq < f.seq + ${each.count}`;
      case 'copy':
        return `INSERT INTO session_events
                SELECT (jsonb_populate_record(e, jsonb_build_object('seq', ${each.seq},
                  'occurred_at', occurred_at + ${each.later} * interval '1 ms'))).*
                FROM session_events e WHERE ${where('e')}`;
      case 'swap': {
        const other = await whereIs(each.other);
        const set = each.columns.map((name) => `${name} = f.${name}`).join(', ');
        return `UPDATE session_events e SET ${set} FROM session_events f
                WHERE ${where('e')} AND ${other('f')} OR ${where('f')} AND ${other('e')}`;
      }
    }
  }

  async function placeOf(number: number) {
    const { rows: found } = await trail.client.query<{ chain: number; seq: string; at: string }>(
      `SELECT chain, seq, occurred_at::text AS at FROM session_events
       ORDER BY chain, seq, occurred_at OFFSET $1 LIMIT 1`,
      [number % (rows - 10)],
    );
    return found;
  }

  async function whereIs(number: number): Promise<(alias: string) => string> {
    const [place] = await placeOf(number);
    if (!place) return () => 'false';
    const { chain, seq, at } = place;
    return (e) => `(${e}.chain, ${e}.seq, ${e}.occurred_at) = (${chain}, ${seq}, '${at}')`;
  }

  /** The chains whose rows or heads differ from the recorded ones. */
  async function changedChains(): Promise<number[]> {
    const { rows: found } = await trail.client.query<{ chain: number }>(
      ['events', 'chains']
        .flatMap((table) => [
          `SELECT chain FROM (TABLE session_${table} EXCEPT ALL TABLE recorded_${table}) x`,
          `SELECT chain FROM (TABLE recorded_${table} EXCEPT ALL TABLE session_${table}) x`,
        ])
        .join(' UNION ') + ' ORDER BY chain',
    );
    return found.map(({ chain }) => chain);
  }
});

function chainsOf(places: { chain: number | string }[]): number[] {
  return [...new Set(places.map(({ chain }) => Number(chain)))].toSorted((a, b) => a - b);
}
