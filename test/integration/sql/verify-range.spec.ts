import { beforeAll, describe, expect, it } from '@jest/globals';

import { useRecordedTrail } from './use-recorded-trail.js';

describe('Verifying a range of the ledger', () => {
  const trail = useRecordedTrail();
  let last: bigint;

  beforeAll(async () => {
    const { rows } = await trail.client.query(
      'SELECT max(seq) FROM session_events WHERE chain = 0',
    );
    last = BigInt(rows[0].max);
    expect(last).toBeGreaterThan(20n);
  });

  const breakAt = (seq: bigint, chain = 0) =>
    trail.tamper(`UPDATE session_events SET user_id = 'x' WHERE chain = ${chain} AND seq = ${seq}`);

  it('verify with a chain checks that chain only', async () => {
    await breakAt(5n, 1);

    expect(await trail.audit.verify({ chain: 0 })).toEqual({
      valid: true,
      rows: String(last),
      breaks: [],
    });
    expect((await trail.audit.verify({ chain: 1 })).valid).toBe(false);
  });

  it('verify with fromSeq and toSeq checks the rows in between only', async () => {
    await breakAt(10n);
    const isValid = async (fromSeq?: bigint, toSeq?: bigint) =>
      (await trail.audit.verify({ chain: 0, fromSeq, toSeq })).valid;

    expect(await isValid(11n)).toBe(true);
    expect(await isValid(undefined, 9n)).toBe(true);
    expect(await isValid(10n, 10n)).toBe(false);
    expect(await isValid(9n, 11n)).toBe(false);
  });

  it('verify counts the rows that it checked', async () => {
    const rows = async (fromSeq?: bigint, toSeq?: bigint) =>
      (await trail.audit.verify({ chain: 0, fromSeq, toSeq })).rows;

    expect(await rows(3n, 7n)).toBe('5');
    expect(await rows(last)).toBe('1');
    expect(await rows(last + 1n)).toBe('0');
    expect(await rows(1n, last + 100n)).toBe(String(last));
  });

  it('verify checks the first row of a range against the row before the range', async () => {
    await trail.tamper(`UPDATE session_events SET hash = sha256(hash) WHERE chain = 0 AND seq = 9`);

    const { breaks } = await trail.audit.verify({ chain: 0, fromSeq: 10n });

    expect(breaks).toEqual([{ chain: 0, seq: '10', problem: 'hash' }]);
  });

  it('verify reports a gap if the row just before the range is missing', async () => {
    await trail.tamper('DELETE FROM session_events WHERE chain = 0 AND seq = 9');

    const { breaks } = await trail.audit.verify({ chain: 0, fromSeq: 10n });

    expect(breaks).toEqual([{ chain: 0, seq: '10', problem: 'gap' }]);
  });

  it('verify checks the head of a chain only if the range includes it', async () => {
    await trail.tamper(`DELETE FROM session_events WHERE chain = 0 AND seq = ${last}`);
    const isValid = async (toSeq: bigint) => (await trail.audit.verify({ chain: 0, toSeq })).valid;

    expect(await isValid(last - 1n)).toBe(true);
    expect(await isValid(last)).toBe(false);
  });

  it.each([
    [{ fromSeq: 0n }, /from seq 0/],
    [{ toSeq: 0n }, /to 0/],
    [{ fromSeq: 7n, toSeq: 5n }, /from seq 7 to 5/],
    [{ chain: 1.5 }, /chain is 1\.5/],
  ])('verify rejects the invalid range %j', async (range, message) => {
    await expect(trail.audit.verify(range)).rejects.toMatchObject({
      code: 'ERR_SESSION_INPUT',
      message: expect.stringMatching(message),
    });
  });

  it('verify reports its progress up to the last row', async () => {
    const steps: [bigint, bigint][] = [];

    const { rows } = await trail.audit.verify({
      onProgress: (done, total) => steps.push([done, total]),
    });

    expect(steps.length).toBeGreaterThan(1);
    expect(steps.at(-1)).toEqual([BigInt(rows), BigInt(rows)]);
    expect(steps.every(([done, total]) => done <= total)).toBe(true);
    expect(steps.map(([done]) => done)).toEqual(
      steps.map(([done]) => done).toSorted((a, b) => Number(a - b)),
    );
  });

  it('verify reads a long chain page by page', async () => {
    await trail.tamper(
      `INSERT INTO session_events SELECT (jsonb_populate_record(e, jsonb_build_object(
         'chain', 9, 'seq', i))).*
       FROM session_events e, generate_series(1, 100500) i WHERE e.chain = 0 AND e.seq = 1`,
    );
    const steps: bigint[] = [];

    const report = await trail.audit.verify({ chain: 9, onProgress: (done) => steps.push(done) });

    // Every row except the first is hashed with the wrong previous row.
    expect(report.valid).toBe(false);
    expect(report.breaks).toHaveLength(1_000);
    expect(steps).toEqual([100_000n, 100_000n]);
    const tail = await trail.audit.verify({ chain: 9, fromSeq: 100_400n, toSeq: 100_600n });
    expect(tail.rows).toBe('101');
  });

  it('verify finds no breaks while sessions are created, destroyed and drained', async () => {
    const load = { isRunning: true };
    const work = (async () => {
      for (let i = 0; load.isRunning; i += 1) {
        const { id } = await trail.sessions.createSession({ userId: `busy${i % 20}` });
        if (i % 2) await trail.sessions.destroySession(id);
        if (i % 10 === 0) await trail.audit.flush();
      }
    })();
    try {
      for (let i = 0; i < 10; i += 1) {
        const before = await trail.client.query('SELECT sum(last_seq) FROM session_chains');
        expect((await trail.audit.verify()).breaks).toEqual([]);
        expect(await trail.verifyBySql()).toEqual([]);
        const after = await trail.client.query('SELECT sum(last_seq) FROM session_chains');
        expect(Number(after.rows[0].sum)).toBeGreaterThan(Number(before.rows[0].sum));
      }
    } finally {
      load.isRunning = false;
      await work;
    }
  });
});
