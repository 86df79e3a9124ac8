import { beforeAll, describe, expect, it } from '@jest/globals';

import { useRecordedTrail, type Place } from './use-recorded-trail.js';

/** The chain that is tampered with, and rows of it by their seq. */
const CHAIN = 0;

describe('a trail of real sessions', () => {
  const trail = useRecordedTrail();
  /** A beginning with a client and an end with reason and actor, in the middle; the last row. */
  let [beginning, end, tail] = ['', '', ''];

  beforeAll(async () => {
    const { rows } = await trail.client.query(
      `SELECT min(seq) FILTER (WHERE event = 'created' AND seq > 10 AND reason IS NULL) AS beginning,
              min(seq) FILTER (WHERE actor IS NOT NULL AND seq > 10) AS end, max(seq) AS tail
       FROM session_events WHERE chain = $1`,
      [CHAIN],
    );
    ({ beginning, end, tail } = rows[0]);
  });

  /** Expects both verifications to name these places; what follows from them may be named, too. */
  async function expectNamed(...places: Partial<Place>[]): Promise<void> {
    const expected = places.map((place) => expect.objectContaining(place));
    expect(await trail.verify()).toEqual(expect.arrayContaining(expected));
    expect(await trail.ask()).toEqual(expect.arrayContaining(expected));
  }

  const after = (seq: string, steps = 1) => String(BigInt(seq) + BigInt(steps));

  it('is whole while nobody touches it', async () => {
    const { valid, rows, breaks } = await trail.audit.verify();

    expect({ valid, breaks }).toEqual({ valid: true, breaks: [] });
    const { rows: counted } = await trail.client.query('SELECT count(*) FROM session_events');
    expect(rows).toBe(counted[0].count);
    expect(await trail.ask()).toEqual([]);
  });

  describe('one column of a row changed', () => {
    it.each([
      ['occurred_at', `occurred_at + interval '1 ms'`],
      ['occurred_at', `occurred_at + interval '1 month'`],
      ['occurred_at', `'infinity'`],
      ['event', `CASE event WHEN 'created' THEN 'destroyed' ELSE 'created' END`],
      ['token', `overlay(token placing '~' from 9)`],
      ['session_created_at', `session_created_at - interval '1 ms'`],
      ['session_created_at', `'-infinity'`],
      ['user_id', `'mallory'`],
      ['user_id', `NULL`],
      ['user_id', `user_id || ' '`],
      ['expires_at', `expires_at + interval '1 ms'`],
      ['expires_at', `'infinity'`],
      ['reason', `coalesce(reason, '') || 'x'`],
      ['actor', `coalesce(actor, '') || 'x'`],
      ['client', `coalesce(client, '') || '\\x00'`],
      ['client', `sha256('another')`],
      ['recorded_at', `recorded_at + interval '1 ms'`],
      ['hash', `sha256(hash)`],
    ])('%s = %s', async (column, value) => {
      for (const seq of [beginning, end]) {
        await trail.tamper(
          `UPDATE session_events SET ${column} = ${value} WHERE chain = ${CHAIN} AND seq = ${seq}`,
        );

        await expectNamed({ chain: CHAIN, seq, problem: 'hash' });
        await trail.restore();
      }
    });

    it.each(['reason', 'actor', 'client'])('%s taken away', async (column) => {
      const seq = column === 'client' ? beginning : end;
      await trail.tamper(
        `UPDATE session_events SET ${column} = NULL WHERE chain = ${CHAIN} AND seq = ${seq}`,
      );

      await expectNamed({ chain: CHAIN, seq, problem: 'hash' });
    });

    it.each(['reason', 'actor'])('%s changed from NULL to what stands for it', async (column) => {
      await trail.tamper(
        `UPDATE session_events SET ${column} = E'\\x1e' WHERE chain = ${CHAIN} AND seq = ${beginning}`,
      );

      await expectNamed({ chain: CHAIN, seq: beginning, problem: 'hash' });
    });

    it('the separator moved from between two columns into one', async () => {
      // The end's text is ... reason ␟ actor ␟ NULL: here as '' ␟ 'reason ␟ actor'.
      await trail.tamper(
        `UPDATE session_events SET reason = reason || E'\\x1f' || actor, actor = NULL
         WHERE chain = ${CHAIN} AND seq = ${end}`,
      );

      await expectNamed({ chain: CHAIN, seq: end, problem: 'hash' });
    });

    it('seq: the row moved to another place', async () => {
      await trail.tamper(
        `UPDATE session_events SET seq = 1000000 WHERE chain = ${CHAIN} AND seq = ${beginning}`,
      );

      await expectNamed(
        { chain: CHAIN, seq: after(beginning), problem: 'gap' },
        { chain: CHAIN, seq: '1000000', problem: 'gap' },
        { chain: CHAIN, seq: '1000000', problem: 'head' },
      );
    });

    it('chain: the row moved to another one', async () => {
      await trail.tamper(
        `UPDATE session_events SET chain = 7 WHERE chain = ${CHAIN} AND seq = ${beginning}`,
      );

      await expectNamed(
        { chain: CHAIN, seq: after(beginning), problem: 'gap' },
        { chain: 7, seq: beginning, problem: 'gap' },
        { chain: 7, seq: beginning, problem: 'head' },
      );
    });
  });

  describe('columns that were forced to take NULL', () => {
    it.each(['event', 'token', 'session_created_at', 'expires_at', 'recorded_at', 'hash'])(
      '%s',
      async (column) => {
        await trail.tamper(`ALTER TABLE session_events ALTER ${column} DROP NOT NULL`);
        try {
          await trail.tamper(
            `UPDATE session_events SET ${column} = NULL WHERE chain = ${CHAIN} AND seq = ${end}`,
          );
          await expectNamed({ chain: CHAIN, seq: end, problem: 'hash' });
        } finally {
          await trail.restore();
          await trail.tamper(`ALTER TABLE session_events ALTER ${column} SET NOT NULL`);
        }
      },
    );

    it('a skipped column whose text hides in the one before', async () => {
      await trail.tamper('ALTER TABLE session_events ALTER expires_at DROP NOT NULL');
      try {
        await trail.tamper(
          `UPDATE session_events SET expires_at = NULL,
             user_id = user_id || E'\\x1f' || (extract(epoch FROM occurred_at) * 1000)::bigint
           WHERE chain = ${CHAIN} AND seq = ${end}`,
        );
        await expectNamed({ chain: CHAIN, seq: end, problem: 'hash' });
      } finally {
        await trail.restore();
        await trail.tamper('ALTER TABLE session_events ALTER expires_at SET NOT NULL');
      }
    });
  });

  describe('rows removed', () => {
    it('in the middle', async () => {
      await trail.tamper(`DELETE FROM session_events WHERE chain = ${CHAIN} AND seq = ${end}`);

      await expectNamed({ chain: CHAIN, seq: after(end), problem: 'gap' });
    });

    it('at the head', async () => {
      await trail.tamper(`DELETE FROM session_events WHERE chain = ${CHAIN} AND seq = 1`);

      await expectNamed({ chain: CHAIN, seq: '2', problem: 'gap' });
    });

    it('at the tail', async () => {
      await trail.tamper(`DELETE FROM session_events WHERE chain = ${CHAIN} AND seq = ${tail}`);

      await expectNamed({ chain: CHAIN, seq: after(tail, -1), problem: 'head' });
    });

    it('a whole chain', async () => {
      await trail.tamper(`DELETE FROM session_events WHERE chain = ${CHAIN}`);

      await expectNamed({ chain: CHAIN, seq: tail, problem: 'head' });
    });

    it('a whole chain, and its head set to zero', async () => {
      await trail.tamper(
        `DELETE FROM session_events WHERE chain = ${CHAIN};
         UPDATE session_chains SET last_seq = 0, last_hash = sha256('') WHERE chain = ${CHAIN}`,
      );

      // What gives it away is the moment at which the head last moved.
      await expectNamed({ chain: CHAIN, seq: '0', problem: 'head' });
    });

    it('everything', async () => {
      await trail.tamper('TRUNCATE session_events');

      await expectNamed({ chain: 0, problem: 'head' }, { chain: 1, problem: 'head' });
    });
  });

  describe('a row put in', () => {
    const copy = (columns: string, from = beginning) =>
      trail.tamper(
        `INSERT INTO session_events
         SELECT (jsonb_populate_record(e, jsonb_build_object(${columns}))).*
         FROM session_events e WHERE chain = ${CHAIN} AND seq = ${from}`,
      );
    const later = `'occurred_at', occurred_at + interval '1 ms'`;

    it('in the middle, with a seq that is taken', async () => {
      await copy(later);

      await expectNamed({ chain: CHAIN, seq: beginning, problem: 'gap' });
    });

    it('in the middle, before the row whose seq it takes', async () => {
      await copy(`'occurred_at', occurred_at - interval '1 ms'`);

      await expectNamed({ chain: CHAIN, seq: beginning, problem: 'gap' });
    });

    it('past the end', async () => {
      await copy(`'seq', ${after(tail)}`);

      await expectNamed({ chain: CHAIN, seq: after(tail), problem: 'head' });
    });

    it.each(['0', '-1', '-9223372036854775808'])('with seq %s', async (seq) => {
      await copy(`'seq', ${seq}`);

      await expectNamed({ chain: CHAIN, seq, problem: 'gap' });
    });

    it('with seq 0 and the hash that the first row follows', async () => {
      await copy(`'seq', 0, 'hash', sha256('')`);

      await expectNamed({ chain: CHAIN, seq: '0', problem: 'gap' });
    });

    it.each(['1000000', '4611686018427387905', '9223372036854775807'])(
      'far past the end, with seq %s',
      async (seq) => {
        await copy(`'seq', ${seq}`);

        await expectNamed(
          { chain: CHAIN, seq, problem: 'gap' },
          { chain: CHAIN, seq, problem: 'head' },
        );
      },
    );

    it('twice with the highest seq there can be', async () => {
      await copy(`'seq', 9223372036854775807`);
      await copy(`'seq', 9223372036854775807, ${later}`);

      await expectNamed({ chain: CHAIN, seq: '9223372036854775807', problem: 'gap' });
    });

    it.each([-1, 256, 300, 32767, -32768])('into chain %d, which no bucket has', async (chain) => {
      await copy(`'chain', ${chain}, 'seq', 1`);

      await expectNamed({ chain, seq: '1', problem: 'foreign' });
    });

    it('into a chain of a bucket that this application does not have', async () => {
      await copy(`'chain', 200, 'seq', 1`);

      await expectNamed({ chain: 200, seq: '1', problem: 'head' });
    });
  });

  describe('two rows swapped', () => {
    const swap = (columns: string[], [one, other]: [string, string]) =>
      trail.tamper(
        `UPDATE session_events e SET ${columns.map((name) => `${name} = f.${name}`).join(', ')}
         FROM session_events f
         WHERE e.chain = ${CHAIN} AND f.chain = ${CHAIN}
           AND (e.seq, f.seq) IN ((${one}, ${other}), (${other}, ${one}))`,
      );
    const CONTENT = `event token session_created_at user_id expires_at reason actor client`.split(
      ' ',
    );

    it('in what they say', async () => {
      await swap(CONTENT, [beginning, end]);

      await expectNamed(
        { chain: CHAIN, seq: beginning, problem: 'hash' },
        { chain: CHAIN, seq: end, problem: 'hash' },
      );
    });

    it('with their hashes', async () => {
      await swap([...CONTENT, 'recorded_at', 'occurred_at', 'hash'], [beginning, end]);

      await expectNamed(
        { chain: CHAIN, seq: beginning, problem: 'hash' },
        { chain: CHAIN, seq: end, problem: 'hash' },
      );
    });

    it('in their places', async () => {
      const next = after(end);
      await trail.tamper(
        `UPDATE session_events SET seq = -seq WHERE chain = ${CHAIN} AND seq IN (${end}, ${next});
         UPDATE session_events SET seq = CASE seq WHEN -${end} THEN ${next} ELSE ${end} END
         WHERE chain = ${CHAIN} AND seq IN (-${end}, -${next})`,
      );

      await expectNamed(
        { chain: CHAIN, seq: end, problem: 'hash' },
        { chain: CHAIN, seq: next, problem: 'hash' },
      );
    });
  });

  describe('session_chains', () => {
    it.each([
      'last_seq = last_seq + 1',
      'last_seq = last_seq - 1',
      `last_hash = sha256('')`,
      `updated_at = updated_at + interval '1 ms'`,
      'updated_at = NULL',
    ])('with %s', async (set) => {
      await trail.tamper(`UPDATE session_chains SET ${set} WHERE chain = ${CHAIN}`);

      await expectNamed({ chain: CHAIN, seq: tail, problem: 'head' });
    });

    it.each([
      ['retired_seq = 1', 'gap'],
      [`retired_hash = sha256('x')`, 'hash'],
    ])('with %s', async (set, problem) => {
      await trail.tamper(`UPDATE session_chains SET ${set} WHERE chain = ${CHAIN}`);

      await expectNamed({ chain: CHAIN, seq: '1', problem });
    });

    it('with a longest session that sessions outlived', async () => {
      await trail.tamper(
        `UPDATE session_chains SET longest_session = longest_session - 1 WHERE chain = ${CHAIN}`,
      );

      await expectNamed({ chain: CHAIN, seq: '1', problem: 'head' });
    });

    it.each([
      'last_seq = 1',
      `last_hash = sha256('x')`,
      'updated_at = now()',
      'retired_seq = 1',
      `retired_hash = sha256('x')`,
    ])('with %s where no row was ever written', async (set) => {
      await trail.tamper(`UPDATE session_chains SET ${set} WHERE chain = 77`);

      await expectNamed({ chain: 77, problem: 'head' });
    });

    it.each([
      [CHAIN, 'a chain in use'],
      [99, 'a chain without rows'],
    ])('without the row of chain %d, %s', async (chain) => {
      await trail.tamper(`DELETE FROM session_chains WHERE chain = ${chain}`);

      await expectNamed({ chain, problem: 'head' });
    });

    it('with a row of a chain that no bucket has', async () => {
      await trail.tamper('INSERT INTO session_chains (chain) VALUES (300)');

      await expectNamed({ chain: 300, problem: 'foreign' });
    });

    it('with a row of such a chain, and a sound chain to go with it', async () => {
      await trail.tamper(
        `INSERT INTO session_events
         SELECT (jsonb_populate_record(e, jsonb_build_object('chain', 300))).*
         FROM session_events e WHERE chain = ${CHAIN};
         INSERT INTO session_chains
         SELECT (jsonb_populate_record(c, jsonb_build_object('chain', 300))).*
         FROM session_chains c WHERE chain = ${CHAIN}`,
      );

      await expectNamed({ chain: 300, seq: tail, problem: 'foreign' });
    });
  });
});
