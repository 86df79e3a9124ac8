import { beforeAll, describe, it } from '@jest/globals';

import { after, CHAIN, expectBreaks, findRows, type ChainRows } from './tampered-chain.js';
import { useRecordedTrail } from './use-recorded-trail.js';

describe('Verifying a ledger with added or removed rows and changed heads', () => {
  const trail = useRecordedTrail();
  let rows: ChainRows;

  beforeAll(async () => {
    rows = await findRows(trail);
  });

  describe('Removed rows', () => {
    it('a row removed from the middle of a chain is reported', async () => {
      await trail.tamper(
        `DELETE FROM session_events WHERE chain = ${CHAIN} AND seq = ${rows.destroyed}`,
      );

      await expectBreaks(trail, { chain: CHAIN, seq: after(rows.destroyed), problem: 'gap' });
    });

    it('the first row removed from a chain is reported', async () => {
      await trail.tamper(`DELETE FROM session_events WHERE chain = ${CHAIN} AND seq = 1`);

      await expectBreaks(trail, { chain: CHAIN, seq: '2', problem: 'gap' });
    });

    it('the last row removed from a chain is reported', async () => {
      await trail.tamper(
        `DELETE FROM session_events WHERE chain = ${CHAIN} AND seq = ${rows.last}`,
      );

      await expectBreaks(trail, { chain: CHAIN, seq: after(rows.last, -1), problem: 'head' });
    });

    it('the removal of all rows of a chain is reported', async () => {
      await trail.tamper(`DELETE FROM session_events WHERE chain = ${CHAIN}`);

      await expectBreaks(trail, { chain: CHAIN, seq: rows.last, problem: 'head' });
    });

    it('the removal of all rows of a chain whose head is reset is reported', async () => {
      await trail.tamper(
        `DELETE FROM session_events WHERE chain = ${CHAIN};
         UPDATE session_chains SET last_seq = 0, last_hash = sha256('') WHERE chain = ${CHAIN}`,
      );

      // updated_at gives it away: it is NULL only if the chain never had a row.
      await expectBreaks(trail, { chain: CHAIN, seq: '0', problem: 'head' });
    });

    it('the removal of all rows is reported', async () => {
      await trail.tamper('TRUNCATE session_events');

      await expectBreaks(trail, { chain: 0, problem: 'head' }, { chain: 1, problem: 'head' });
    });
  });

  describe('Inserted rows', () => {
    const copy = (columns: string, from = rows.created) =>
      trail.tamper(
        `INSERT INTO session_events
         SELECT (jsonb_populate_record(e, jsonb_build_object(${columns}))).*
         FROM session_events e WHERE chain = ${CHAIN} AND seq = ${from}`,
      );
    const later = `'occurred_at', occurred_at + interval '1 ms'`;

    it('a row inserted after the row with the same seq is reported', async () => {
      await copy(later);

      await expectBreaks(trail, { chain: CHAIN, seq: rows.created, problem: 'gap' });
    });

    it('a row inserted before the row with the same seq is reported', async () => {
      await copy(`'occurred_at', occurred_at - interval '1 ms'`);

      await expectBreaks(trail, { chain: CHAIN, seq: rows.created, problem: 'gap' });
    });

    it('a row appended to a chain is reported', async () => {
      await copy(`'seq', ${after(rows.last)}`);

      await expectBreaks(trail, { chain: CHAIN, seq: after(rows.last), problem: 'head' });
    });

    it.each(['0', '-1', '-9223372036854775808'])(
      'a row inserted with seq %s is reported',
      async (seq) => {
        await copy(`'seq', ${seq}`);

        await expectBreaks(trail, { chain: CHAIN, seq, problem: 'gap' });
      },
    );

    it('a row inserted with seq 0 and the initial hash of a chain is reported', async () => {
      await copy(`'seq', 0, 'hash', sha256('')`);

      await expectBreaks(trail, { chain: CHAIN, seq: '0', problem: 'gap' });
    });

    it.each(['1000000', '4611686018427387905', '9223372036854775807'])(
      'a row inserted far past the end with seq %s is reported',
      async (seq) => {
        await copy(`'seq', ${seq}`);

        await expectBreaks(
          trail,
          { chain: CHAIN, seq, problem: 'gap' },
          { chain: CHAIN, seq, problem: 'head' },
        );
      },
    );

    it('two rows inserted with the highest possible seq are reported', async () => {
      await copy(`'seq', 9223372036854775807`);
      await copy(`'seq', 9223372036854775807, ${later}`);

      await expectBreaks(trail, { chain: CHAIN, seq: '9223372036854775807', problem: 'gap' });
    });

    it.each([-1, 256, 300, 32767, -32768])(
      'a row inserted into chain %d, which no bucket can have, is reported',
      async (chain) => {
        await copy(`'chain', ${chain}, 'seq', 1`);

        await expectBreaks(trail, { chain, seq: '1', problem: 'foreign' });
      },
    );

    it('a row inserted into the chain of a bucket that is not in use is reported', async () => {
      await copy(`'chain', 200, 'seq', 1`);

      await expectBreaks(trail, { chain: 200, seq: '1', problem: 'head' });
    });
  });

  describe('Changes of session_chains', () => {
    it.each([
      'last_seq = last_seq + 1',
      'last_seq = last_seq - 1',
      `last_hash = sha256('')`,
      `updated_at = updated_at + interval '1 ms'`,
      'updated_at = NULL',
    ])('a head with %s is reported', async (set) => {
      await trail.tamper(`UPDATE session_chains SET ${set} WHERE chain = ${CHAIN}`);

      await expectBreaks(trail, { chain: CHAIN, seq: rows.last, problem: 'head' });
    });

    it.each([
      ['retired_seq = 1', 'gap'],
      [`retired_hash = sha256('x')`, 'hash'],
    ] as const)('a chain with %s is reported', async (set, problem) => {
      await trail.tamper(`UPDATE session_chains SET ${set} WHERE chain = ${CHAIN}`);

      await expectBreaks(trail, { chain: CHAIN, seq: '1', problem });
    });

    it('a longest_session that is shorter than a recorded session is reported', async () => {
      await trail.tamper(
        `UPDATE session_chains SET longest_session = longest_session - 1 WHERE chain = ${CHAIN}`,
      );

      await expectBreaks(trail, { chain: CHAIN, seq: '1', problem: 'head' });
    });

    it.each([
      'last_seq = 1',
      `last_hash = sha256('x')`,
      'updated_at = now()',
      'retired_seq = 1',
      `retired_hash = sha256('x')`,
    ])('a head with %s of a chain without rows is reported', async (set) => {
      await trail.tamper(`UPDATE session_chains SET ${set} WHERE chain = 77`);

      await expectBreaks(trail, { chain: 77, problem: 'head' });
    });

    it.each([
      ['a chain in use', CHAIN],
      ['a chain without rows', 99],
    ])('a missing head of %s is reported', async (_, chain) => {
      await trail.tamper(`DELETE FROM session_chains WHERE chain = ${chain}`);

      await expectBreaks(trail, { chain, problem: 'head' });
    });

    it('a head of a chain that no bucket can have is reported', async () => {
      await trail.tamper('INSERT INTO session_chains (chain) VALUES (300)');

      await expectBreaks(trail, { chain: 300, problem: 'foreign' });
    });

    it('a complete chain that no bucket can have is reported', async () => {
      await trail.tamper(
        `INSERT INTO session_events
         SELECT (jsonb_populate_record(e, jsonb_build_object('chain', 300))).*
         FROM session_events e WHERE chain = ${CHAIN};
         INSERT INTO session_chains
         SELECT (jsonb_populate_record(c, jsonb_build_object('chain', 300))).*
         FROM session_chains c WHERE chain = ${CHAIN}`,
      );

      await expectBreaks(trail, { chain: 300, seq: rows.last, problem: 'foreign' });
    });
  });
});
