import { describe, expect, it } from '@jest/globals';

import { ledgerTables } from '../../../src/audit/postgres/ledger-tables.js';
import { LedgerDatabase } from '../../../src/audit/postgres/ledger-database.js';
import { Partitions } from '../../../src/audit/jobs/partitions.js';
import { entry, place } from './entries.js';
import { beginAndEnd } from './sessions.js';
import type { Trail } from './trail.js';
import { useLedger } from './use-ledger.js';

const WEB = { buckets: 1, audit: { worker: false } };

/** `2026_11`, so many months from now. */
function month(ahead: number): string {
  const now = new Date();
  const date = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + ahead, 1));
  return date.toISOString().slice(0, 7).replace('-', '_');
}

const COMING = [0, 1, 2, 3].map(month);
const BOTH = ['session_events', 'sessions'];

describe('the partitions', () => {
  const ground = useLedger();

  const partitionsOf = async (trail: Trail) => {
    const rows = await trail.rows<{ name: string }>(
      `SELECT inhrelid::regclass::text AS name FROM pg_inherits
       WHERE inhparent IN ('sessions'::regclass, 'session_events'::regclass) ORDER BY 1`,
    );
    return rows.map(({ name }) => name);
  };

  const makePartitions = async (trail: Trail) => {
    const database = new LedgerDatabase(trail.databaseUrl, {}, false);
    try {
      return await new Partitions(database, ledgerTables('public')).runOnce();
    } finally {
      await database.close();
    }
  };

  const dropMonths = async (trail: Trail, months: string[]) => {
    for (const each of months)
      await trail.rows(`DROP TABLE sessions_${each}, session_events_${each}`);
  };

  const all = (months: string[]) =>
    BOTH.flatMap((table) => months.map((each) => `${table}_${each}`)).toSorted();
  const withDefaults = (months: string[]) =>
    [...all(months), ...BOTH.map((table) => `${table}_default`)].toSorted();

  it('of this month and the next three are there from the beginning', async () => {
    const trail = await ground.open();
    expect(await partitionsOf(trail)).toEqual(withDefaults(COMING));
  });

  it('of the coming months are made once, by however many processes at once', async () => {
    const trail = await ground.open();
    await dropMonths(trail, COMING.slice(1));
    const made = await Promise.all([1, 2, 3].map(() => makePartitions(trail)));
    expect(made.flat().toSorted()).toEqual(all(COMING.slice(1)));
    expect(await partitionsOf(trail)).toEqual(withDefaults(COMING));
    expect(await makePartitions(trail)).toEqual([]);
  });

  it('are made while events are recorded', async () => {
    const trail = await ground.open();
    const web = await trail.start(WEB);
    for (let round = 0; round < 5; round += 1) {
      await dropMonths(trail, COMING.slice(1));
      const draining = beginAndEnd(web, 200).then(() => web.audit.flush());
      const [made] = await Promise.all([makePartitions(trail), draining]);
      expect(made).toHaveLength(6);
    }
  });

  it('of another time are the default ones, which are watched', async () => {
    const trail = await ground.open();
    const web = await trail.start(WEB);
    const then = Date.UTC(2020, 1, 29);
    await place(web, entry({ created: then, at: then, ends: then + 1 }));
    await web.audit.flush();
    expect(await trail.rows('SELECT created_at FROM sessions_default')).toHaveLength(1);
    expect(await web.audit.health()).toMatchObject({ defaultPartitionRows: 2, deadLetters: 0 });
  });

  it('that are missing are made, but for a month whose rows lie in the default one', async () => {
    const trail = await ground.open();
    await dropMonths(trail, COMING.slice(1));
    const web = await trail.start(WEB);
    const now = new Date();
    const then = Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + 2, 15);
    await place(web, entry({ created: then, at: then, ends: then + 1 }));
    await web.audit.flush();

    await trail.start({ buckets: 1 }); // a worker, which starts all the same
    expect(await partitionsOf(trail)).toEqual(withDefaults([month(0), month(1), month(3)]));
  });
});

describe('the ledger', () => {
  const ground = useLedger();
  const PARTS = ['session_events', `session_events_${month(0)}`, 'session_events_default'];

  it.each(PARTS)('refuses any change but an addition: %s', async (part) => {
    const trail = await ground.open();
    const web = await trail.start(WEB);
    await beginAndEnd(web, 1);
    await place(web, entry({ created: 0, at: 0, ends: 1 }));
    await web.audit.flush();
    for (const change of [
      `UPDATE ${part} SET actor = 'me'`,
      `DELETE FROM ${part}`,
      `TRUNCATE ${part}`,
    ]) {
      await expect(trail.rows(change)).rejects.toThrow('append-only');
    }
    expect(await trail.rows(`SELECT 1 FROM session_events`)).toHaveLength(3);
  });
});
