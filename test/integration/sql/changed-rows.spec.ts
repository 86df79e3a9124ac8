import { beforeAll, describe, expect, it } from '@jest/globals';

import { after, CHAIN, expectBreaks, findRows, type ChainRows } from './tampered-chain.js';
import { useRecordedTrail } from './use-recorded-trail.js';

describe('Verifying a ledger with changed rows', () => {
  const trail = useRecordedTrail();
  let rows: ChainRows;

  beforeAll(async () => {
    rows = await findRows(trail);
  });

  it('a ledger that was not tampered with is valid', async () => {
    const { valid, rows: checked, breaks } = await trail.audit.verify();

    expect({ valid, breaks }).toEqual({ valid: true, breaks: [] });
    const { rows: counted } = await trail.client.query('SELECT count(*) FROM session_events');
    expect(checked).toBe(counted[0].count);
    expect(await trail.verifyBySql()).toEqual([]);
  });

  describe('Changed columns', () => {
    it.each([
      ['occurred_at', `occurred_at + interval '1 ms'`],
      ['occurred_at', `occurred_at + interval '1 month'`],
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
    ])('a row with %s set to %s is reported', async (column, value) => {
      for (const seq of [rows.created, rows.destroyed]) {
        await trail.tamper(
          `UPDATE session_events SET ${column} = ${value} WHERE chain = ${CHAIN} AND seq = ${seq}`,
        );

        await expectBreaks(trail, { chain: CHAIN, seq, problem: 'hash' });
        await trail.restore();
      }
    });

    it.each(['reason', 'actor', 'client'])(
      'a row with %s set to NULL is reported',
      async (column) => {
        const seq = column === 'client' ? rows.created : rows.destroyed;
        await trail.tamper(
          `UPDATE session_events SET ${column} = NULL WHERE chain = ${CHAIN} AND seq = ${seq}`,
        );

        await expectBreaks(trail, { chain: CHAIN, seq, problem: 'hash' });
      },
    );

    it.each(['reason', 'actor'])(
      'a row whose %s changes from NULL to U+001E is reported',
      async (column) => {
        await trail.tamper(
          `UPDATE session_events SET ${column} = E'\\x1e' WHERE chain = ${CHAIN} AND seq = ${rows.created}`,
        );

        await expectBreaks(trail, { chain: CHAIN, seq: rows.created, problem: 'hash' });
      },
    );

    it('a row whose actor is set to NULL and appended to its reason is reported', async () => {
      // If NULLs were left out of the hashed text, the text would stay the same.
      await trail.tamper(
        `UPDATE session_events SET reason = reason || E'\\x1f' || actor, actor = NULL
         WHERE chain = ${CHAIN} AND seq = ${rows.destroyed}`,
      );

      await expectBreaks(trail, { chain: CHAIN, seq: rows.destroyed, problem: 'hash' });
    });

    it('a row that is moved to another seq is reported', async () => {
      await trail.tamper(
        `UPDATE session_events SET seq = 1000000 WHERE chain = ${CHAIN} AND seq = ${rows.created}`,
      );

      await expectBreaks(
        trail,
        { chain: CHAIN, seq: after(rows.created), problem: 'gap' },
        { chain: CHAIN, seq: '1000000', problem: 'gap' },
        { chain: CHAIN, seq: '1000000', problem: 'head' },
      );
    });

    it('a row that is moved to another chain is reported', async () => {
      await trail.tamper(
        `UPDATE session_events SET chain = 7 WHERE chain = ${CHAIN} AND seq = ${rows.created}`,
      );

      await expectBreaks(
        trail,
        { chain: CHAIN, seq: after(rows.created), problem: 'gap' },
        { chain: 7, seq: rows.created, problem: 'gap' },
        { chain: 7, seq: rows.created, problem: 'head' },
      );
    });
  });

  describe('Columns without their NOT NULL constraint', () => {
    it.each(['event', 'token', 'session_created_at', 'expires_at', 'recorded_at', 'hash'])(
      'a row with %s set to NULL, against its constraint, is reported',
      async (column) => {
        await trail.tamper(`ALTER TABLE session_events ALTER ${column} DROP NOT NULL`);
        try {
          await trail.tamper(
            `UPDATE session_events SET ${column} = NULL WHERE chain = ${CHAIN} AND seq = ${rows.destroyed}`,
          );
          await expectBreaks(trail, { chain: CHAIN, seq: rows.destroyed, problem: 'hash' });
        } finally {
          await trail.restore();
          await trail.tamper(`ALTER TABLE session_events ALTER ${column} SET NOT NULL`);
        }
      },
    );

    it('a row whose expires_at is set to NULL and prepended to its reason is reported', async () => {
      // If NULLs were left out of the hashed text, the text would stay the same.
      await trail.tamper('ALTER TABLE session_events ALTER expires_at DROP NOT NULL');
      try {
        await trail.tamper(
          `UPDATE session_events SET expires_at = NULL,
             reason = (extract(epoch FROM expires_at) * 1000)::bigint || E'\\x1f' || reason
           WHERE chain = ${CHAIN} AND seq = ${rows.destroyed}`,
        );
        await expectBreaks(trail, { chain: CHAIN, seq: rows.destroyed, problem: 'hash' });
      } finally {
        await trail.restore();
        await trail.tamper('ALTER TABLE session_events ALTER expires_at SET NOT NULL');
      }
    });
  });

  describe('Swapped rows', () => {
    const swap = (columns: string[], [first, second]: [string, string]) =>
      trail.tamper(
        `UPDATE session_events e SET ${columns.map((name) => `${name} = f.${name}`).join(', ')}
         FROM session_events f
         WHERE e.chain = ${CHAIN} AND f.chain = ${CHAIN}
           AND (e.seq, f.seq) IN ((${first}, ${second}), (${second}, ${first}))`,
      );
    const CONTENT = 'event token session_created_at user_id expires_at reason actor client'.split(
      ' ',
    );

    it('two rows that swapped their contents are reported', async () => {
      await swap(CONTENT, [rows.created, rows.destroyed]);

      await expectBreaks(
        trail,
        { chain: CHAIN, seq: rows.created, problem: 'hash' },
        { chain: CHAIN, seq: rows.destroyed, problem: 'hash' },
      );
    });

    it('two rows that swapped contents and hashes are reported', async () => {
      await swap(
        [...CONTENT, 'recorded_at', 'occurred_at', 'hash'],
        [rows.created, rows.destroyed],
      );

      await expectBreaks(
        trail,
        { chain: CHAIN, seq: rows.created, problem: 'hash' },
        { chain: CHAIN, seq: rows.destroyed, problem: 'hash' },
      );
    });

    it('two rows that swapped places are reported', async () => {
      const next = after(rows.destroyed);
      await trail.tamper(
        `UPDATE session_events SET seq = -seq WHERE chain = ${CHAIN} AND seq IN (${rows.destroyed}, ${next});
         UPDATE session_events SET seq = CASE seq WHEN -${rows.destroyed} THEN ${next} ELSE ${rows.destroyed} END
         WHERE chain = ${CHAIN} AND seq IN (-${rows.destroyed}, -${next})`,
      );

      await expectBreaks(
        trail,
        { chain: CHAIN, seq: rows.destroyed, problem: 'hash' },
        { chain: CHAIN, seq: next, problem: 'hash' },
      );
    });
  });
});
