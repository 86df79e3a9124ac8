import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { ledgerTables } from '../../../src/audit/postgres/schema.js';
import { LedgerDatabase } from '../../../src/audit/postgres/connection.js';
import { LedgerWriter } from '../../../src/audit/drain/ledger-writer.js';
import type { LedgerEvent } from '../../../src/audit/drain/event.js';
import { Verifier } from '../../../src/audit/queries/verifier.js';
import { createPartitions } from './background-sessions.js';
import { recipe } from './recipes.js';
import { handle } from './sample-sessions.js';
import { createLedgerTables } from '../../support/ledger-tables.js';
import { useLedgerDatabase } from './use-ledger-database.js';

const tables = ledgerTables('public');
const writer = new LedgerWriter({ tables, userIdType: 'text', users: null });

describe('Retiring old months', () => {
  const server = useLedgerDatabase();
  let ledger: LedgerDatabase;

  beforeEach(async () => {
    const { client } = server;
    await client.query('DROP SCHEMA public CASCADE; CREATE SCHEMA public');
    await createLedgerTables(server.url);
    await createPartitions(client);
    ledger = new LedgerDatabase(server.url, {}, false);
    // Around the turn of each month, events are recorded in a different order from the one they occurred in.
    for (const chain of [0, 1]) {
      await record(chain, '2026-01-10', '2026-01-31', '2026-02-01', '2026-01-31', '2026-02-10');
      await record(chain, '2026-03-01', '2026-02-28', '2026-03-02', '2026-02-27', '2026-04-01');
    }
    await record(2, '2026-01-05', '2026-01-06');
  });
  afterEach(() => ledger.close());

  /** Records a `created` event for each day, in this order, as the drain does. */
  async function record(chain: number, ...days: string[]): Promise<void> {
    await ledger.transaction(async (runner) => {
      const locked = await writer.waitForLock(runner, chain);
      await writer.record(
        runner,
        locked,
        days.map((day, i) => createdEvent(chain, day, i)),
      );
    });
  }

  function createdEvent(chain: number, day: string, i: number): LedgerEvent {
    const at = Date.parse(`${day}T12:00:00Z`) + i;
    return {
      outboxNumber: null,
      event: 'created',
      isDeclared: false,
      handle: handle(chain, `${day}-${i}`),
      sessionCreatedAt: at,
      userId: 'alice',
      occurredAt: at,
      expiresAt: at + 1_000,
      reason: null,
      actor: null,
      ip: null,
      userAgent: null,
    };
  }

  const retire = async (before = '2026-03-01') =>
    (
      await server.rows<{ retire_session_events: string }>(
        recipe('Retiring old months').replace('2026-03-01', before),
      )
    ).map((row) => row.retire_session_events);
  const breaks = async () => (await new Verifier(ledger, tables).verify()).breaks;
  const breaksBySql = () => server.rows(recipe('The whole ledger'));
  const seqsOf = async (table: string) =>
    (
      await server.rows<{ seq: string }>(`SELECT seq FROM ${table} WHERE chain = 0 ORDER BY seq`)
    ).map(({ seq }) => Number(seq));

  it('a ledger with retired months is valid and can grow', async () => {
    expect(await breaks()).toEqual([]);

    expect(await retire()).toEqual([
      'retired_session_events_2026_01',
      'retired_session_events_2026_02',
    ]);
    expect(await breaks()).toEqual([]);
    expect(await breaksBySql()).toEqual([]);
    await record(0, '2026-04-02', '2026-02-20');
    expect(await breaks()).toEqual([]);
    expect(await breaksBySql()).toEqual([]);
  });

  it('rows of a retired month that come after the retired part of the chain are kept', async () => {
    await retire();

    // seq 6: 1 March, 7: 28 February, 8: 2 March, 9: 27 February, 10: 1 April.
    expect(await seqsOf('session_events')).toEqual([6, 7, 8, 9, 10]);
    expect(await seqsOf('session_events_before_2026_03')).toEqual([7, 9]);
    expect(await seqsOf('retired_session_events_2026_01')).toEqual([1, 2, 4]);
    expect(await seqsOf('retired_session_events_2026_02')).toEqual([3, 5]);
  });

  it('each chain stores its last retired row, even if all of its rows are retired', async () => {
    await retire();

    const retired = await server.rows(
      `SELECT chain, retired_seq::int AS seq, retired_hash = last_hash AS whole
       FROM session_chains WHERE chain < 4 ORDER BY chain`,
    );
    expect(retired).toEqual([
      { chain: 0, seq: 5, whole: false },
      { chain: 1, seq: 5, whole: false },
      { chain: 2, seq: 2, whole: true },
      { chain: 3, seq: 0, whole: true },
    ]);
  });

  it('months can be retired one by one', async () => {
    await retire('2026-02-01');
    expect(await breaks()).toEqual([]);
    expect(await seqsOf('session_events')).toEqual([3, 4, 5, 6, 7, 8, 9, 10]);

    await retire('2026-03-01');
    expect(await breaks()).toEqual([]);
    expect(await breaksBySql()).toEqual([]);
    await retire('2026-05-01');
    expect(await breaks()).toEqual([]);
    expect(await seqsOf('session_events')).toEqual([]);
    await record(0, '2026-05-02');
    expect(await breaks()).toEqual([]);
    expect(await breaksBySql()).toEqual([]);
  });

  it('tampering after months were retired is found', async () => {
    await retire();
    await server.client.query('SET session_replication_role = replica');
    try {
      await server.client.query('DELETE FROM session_events WHERE chain = 0 AND seq = 6');
      await server.client.query(
        `UPDATE session_events SET user_id = 'x' WHERE chain = 1 AND seq = 7`,
      );
      await server.client.query('UPDATE session_chains SET retired_seq = 1 WHERE chain = 2');
    } finally {
      await server.client.query('RESET session_replication_role');
    }

    const expected = [
      { chain: 0, seq: '7', problem: 'gap' },
      { chain: 1, seq: '7', problem: 'hash' },
      { chain: 2, seq: '2', problem: 'head' },
    ];
    expect(await breaks()).toEqual(expected);
    expect(await breaksBySql()).toEqual(expected);
  });

  it('verification reports gaps if a partition is dropped without retiring it', async () => {
    await server.client.query('DROP TABLE session_events_2026_01');

    expect(await breaks()).toEqual(await breaksBySql());
    expect((await breaksBySql()).slice(0, 2)).toEqual([
      { chain: 0, seq: '3', problem: 'gap' },
      { chain: 0, seq: '5', problem: 'gap' },
    ]);
  });

  it('retired partitions can be verified in an archive, together with the rows that were kept', async () => {
    await retire();
    await server.client.query(`
      UPDATE session_chains SET retired_seq = 0, retired_hash = sha256('');
      ALTER TABLE session_events_before_2026_03 DISABLE TRIGGER ALL;
      DROP TABLE IF EXISTS archive;
      CREATE TABLE archive AS SELECT * FROM session_events WHERE occurred_at < '2026-03-01Z';
      ALTER TABLE session_events DETACH PARTITION session_events_before_2026_03;
      ALTER TABLE session_events ATTACH PARTITION retired_session_events_2026_01
        FOR VALUES FROM ('2026-01-01Z') TO ('2026-02-01Z');
      ALTER TABLE session_events ATTACH PARTITION retired_session_events_2026_02
        FOR VALUES FROM ('2026-02-01Z') TO ('2026-03-01Z');
      INSERT INTO session_events SELECT * FROM archive`);

    expect(await breaks()).toEqual([]);
    expect(await seqsOf('session_events')).toHaveLength(10);
  });

  it.each(['2026-02-15', '2999-01-01'])('retire_session_events rejects %s', async (before) => {
    await expect(retire(before)).rejects.toThrow('not the first day of a month that has begun');
  });

  it('the partition with the kept rows has the same guards as the others', async () => {
    await retire();

    const missing = await server.rows(recipe("Are the ledger's guards in place?"));
    // The other partitions have none: this spec created them without.
    expect(missing.filter(({ guard }) => String(guard).includes('before'))).toEqual([]);
    await expect(server.client.query('TRUNCATE session_events_before_2026_03')).rejects.toThrow(
      'append-only',
    );
  });
});
