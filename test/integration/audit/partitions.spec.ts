import { describe, expect, it } from '@jest/globals';

import { ledgerTables } from '../../../src/audit/postgres/schema.js';
import { LedgerDatabase } from '../../../src/audit/postgres/connection.js';
import { Partitions } from '../../../src/audit/jobs/partitions.js';
import { addEntry, entry } from './entries.js';
import { createAndDestroySessions } from './sessions.js';
import type { Trail } from '../../support/trail.js';
import { useLedger } from '../../support/use-ledger.js';

const WEB = { buckets: 1, audit: { worker: false } };

/** The suffix of a month's partitions, such as `2026_11`. */
function month(ahead: number): string {
  const now = new Date();
  const date = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + ahead, 1));
  return date.toISOString().slice(0, 7).replace('-', '_');
}

const MONTHS = [0, 1, 2, 3].map(month);
const TABLES = ['session_events', 'sessions'];

describe('Partitions of sessions and session_events', () => {
  const fixture = useLedger();

  const partitionsOf = async (trail: Trail) => {
    const rows = await trail.rows<{ name: string }>(
      `SELECT inhrelid::regclass::text AS name FROM pg_inherits
       WHERE inhparent IN ('sessions'::regclass, 'session_events'::regclass) ORDER BY 1`,
    );
    return rows.map(({ name }) => name);
  };

  const createPartitions = async (trail: Trail) => {
    const database = new LedgerDatabase(trail.databaseUrl, {}, false);
    try {
      return await new Partitions(database, ledgerTables('public')).runOnce();
    } finally {
      await database.close();
    }
  };

  const dropMonths = async (trail: Trail, months: string[]) => {
    for (const suffix of months) {
      await trail.rows(`DROP TABLE sessions_${suffix}, session_events_${suffix}`);
    }
  };

  const partitionNames = (months: string[]) =>
    TABLES.flatMap((table) => months.map((suffix) => `${table}_${suffix}`)).toSorted();
  const withDefaults = (months: string[]) =>
    [...partitionNames(months), ...TABLES.map((table) => `${table}_default`)].toSorted();

  it('the migration creates partitions for this month and the next three', async () => {
    const trail = await fixture.open();
    expect(await partitionsOf(trail)).toEqual(withDefaults(MONTHS));
  });

  it('several processes that create the coming partitions at once create each one once', async () => {
    const trail = await fixture.open();
    await dropMonths(trail, MONTHS.slice(1));
    const created = await Promise.all([1, 2, 3].map(() => createPartitions(trail)));
    expect(created.flat().toSorted()).toEqual(partitionNames(MONTHS.slice(1)));
    expect(await partitionsOf(trail)).toEqual(withDefaults(MONTHS));
    expect(await createPartitions(trail)).toEqual([]);
  });

  it('partitions can be created while events are being recorded', async () => {
    const trail = await fixture.open();
    const web = await trail.start(WEB);
    for (let round = 0; round < 5; round += 1) {
      await dropMonths(trail, MONTHS.slice(1));
      const draining = createAndDestroySessions(web, 200).then(() => web.audit.flush());
      const [created] = await Promise.all([createPartitions(trail), draining]);
      expect(created).toHaveLength(6);
    }
  });

  it('rows of a month without a partition go to the default ones and are reported by health', async () => {
    const trail = await fixture.open();
    const web = await trail.start(WEB);
    const then = Date.UTC(2020, 1, 29);
    await addEntry(web, entry({ createdAt: then, occurredAt: then, expiresAt: then + 1 }));
    await web.audit.flush();
    expect(await trail.rows('SELECT created_at FROM sessions_default')).toHaveLength(1);
    expect(await web.audit.health()).toMatchObject({ defaultPartitionRows: 2, deadLetters: 0 });
  });

  it('a starting worker creates missing partitions except for months with default rows', async () => {
    const trail = await fixture.open();
    await dropMonths(trail, MONTHS.slice(1));
    const web = await trail.start(WEB);
    const now = new Date();
    const then = Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + 2, 15);
    await addEntry(web, entry({ createdAt: then, occurredAt: then, expiresAt: then + 1 }));
    await web.audit.flush();

    await trail.start({ buckets: 1 }); // a worker; it starts despite the month it had to skip
    expect(await partitionsOf(trail)).toEqual(withDefaults([month(0), month(1), month(3)]));
  });
});

describe('Append-only guards', () => {
  const fixture = useLedger();
  const LEDGER_TABLES = ['session_events', `session_events_${month(0)}`, 'session_events_default'];

  it.each(LEDGER_TABLES)('%s rejects UPDATE, DELETE and TRUNCATE', async (table) => {
    const trail = await fixture.open();
    const web = await trail.start(WEB);
    await createAndDestroySessions(web, 1);
    await addEntry(web, entry({ createdAt: 0, occurredAt: 0, expiresAt: 1 }));
    await web.audit.flush();
    for (const change of [
      `UPDATE ${table} SET actor = 'me'`,
      `DELETE FROM ${table}`,
      `TRUNCATE ${table}`,
    ]) {
      await expect(trail.rows(change)).rejects.toThrow('append-only');
    }
    expect(await trail.rows(`SELECT 1 FROM session_events`)).toHaveLength(3);
  });
});
