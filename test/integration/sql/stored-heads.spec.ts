import { beforeAll, describe, expect, it } from '@jest/globals';

import { recipe } from './recipes.js';
import { useRecordedTrail } from './use-recorded-trail.js';

interface ChainHead {
  chain: number;
  seq: string;
  hash: string;
}

describe('Chain heads stored outside the database', () => {
  const trail = useRecordedTrail();
  let stored: ChainHead[];
  const CHAIN = 1;

  beforeAll(async () => {
    stored = await readHeads();
  });

  async function readHeads(): Promise<ChainHead[]> {
    return (await trail.client.query<ChainHead>(recipe('Storing the chain heads'))).rows;
  }

  /** Runs the query of docs/sql.md, with these heads in place of its examples. */
  async function check(heads = stored): Promise<object[]> {
    const values = heads.map(({ chain, seq, hash }) => `(${chain}, ${seq}, '${hash}')`).join(', ');
    const sql = recipe('Checking stored chain heads').replace(
      /\(VALUES[^]*?\n\)/,
      `(VALUES ${values})`,
    );
    return (await trail.client.query<object>(sql)).rows;
  }

  const storedHead = () => stored.find(({ chain }) => chain === CHAIN)!;

  /** Rewrites the end of a chain with valid hashes, as anyone with write access to both tables can. */
  async function rewriteFrom(seq: string): Promise<void> {
    await trail.tamper(`DO $$
      DECLARE row session_events; previous bytea;
      BEGIN
        SELECT hash INTO previous FROM session_events WHERE chain = ${CHAIN} AND seq = ${seq} - 1;
        FOR row IN SELECT * FROM session_events WHERE chain = ${CHAIN} AND seq >= ${seq} ORDER BY seq LOOP
          row.user_id := 'mallory';
          previous := sha256(previous || convert_to(array_to_string(ARRAY[
            row.chain::text, row.seq::text, row.event, row.token,
            (extract(epoch FROM row.session_created_at) * 1000)::bigint::text, row.user_id,
            (extract(epoch FROM row.occurred_at) * 1000)::bigint::text,
            (extract(epoch FROM row.expires_at) * 1000)::bigint::text,
            row.reason, row.actor, encode(row.client, 'hex'),
            (extract(epoch FROM row.recorded_at) * 1000)::bigint::text], E'\\x1f', E'\\x1e') || coalesce(E'\\x1f' || row.outbox_number, ''), 'UTF8'));
          UPDATE session_events SET user_id = row.user_id, hash = previous
          WHERE chain = row.chain AND seq = row.seq;
        END LOOP;
        UPDATE session_chains SET last_hash = previous WHERE chain = ${CHAIN};
      END $$`);
  }

  it('stored heads match an unchanged ledger', async () => {
    expect(stored.map(({ chain }) => chain)).toEqual([0, 1]);
    expect(await check()).toEqual([]);
  });

  it('stored heads match a ledger that has grown since', async () => {
    await trail.sessions.createSession({ userId: 'zoe' });
    await trail.audit.flush();

    expect(await check()).toEqual([]);
    expect(await readHeads()).not.toEqual(stored);
  });

  it('only stored heads reveal a chain that was rewritten with valid hashes', async () => {
    await rewriteFrom('5');

    expect(await trail.verify()).toEqual([]);
    expect(await trail.verifyBySql()).toEqual([]);
    const { chain, seq } = storedHead();
    expect(await check()).toEqual([{ chain, seq: Number(seq), problem: 'rewritten' }]);
  });

  it('only stored heads reveal a chain whose last rows were removed and whose head was reset', async () => {
    await trail.tamper(
      `DELETE FROM session_events WHERE chain = ${CHAIN} AND seq > 5;
       UPDATE session_chains c SET last_seq = 5, last_hash = e.hash, updated_at = e.recorded_at
       FROM session_events e WHERE c.chain = ${CHAIN} AND e.chain = c.chain AND e.seq = 5`,
    );

    expect(await trail.verify()).toEqual([]);
    expect(await trail.verifyBySql()).toEqual([]);
    const { chain, seq } = storedHead();
    expect(await check()).toEqual([{ chain, seq: Number(seq), problem: 'missing' }]);
  });

  it('rows that were removed and declared retired with a forged hash are found', async () => {
    await trail.tamper(
      `UPDATE session_chains c SET retired_seq = 5, retired_hash = sha256('forged')
       FROM session_events e WHERE c.chain = ${CHAIN} AND e.chain = c.chain AND e.seq = 5;
       DELETE FROM session_events WHERE chain = ${CHAIN} AND seq <= 5`,
    );

    expect(await trail.verify()).toContainEqual({ chain: CHAIN, seq: '6', problem: 'hash' });
    const early = { chain: CHAIN, seq: '3', hash: storedHead().hash };
    expect(await check([early])).toEqual([
      { chain: CHAIN, seq: 3, problem: 'retired: check the archive' },
    ]);
  });
});
