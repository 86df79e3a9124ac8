import { describe, expect, it } from '@jest/globals';
import { Client } from 'pg';
import { DataSource } from 'typeorm';

import { ledgerTables } from '../../../src/audit/postgres/schema.js';
import { LedgerDatabase } from '../../../src/audit/postgres/connection.js';
import { Partitions } from '../../../src/audit/postgres/partitions.js';
import { ledgerDataSourceOptions } from '../../../src/index.js';
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
      return await new Partitions(ledgerTables('public')).createAhead(database);
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

  it('the migration creates partitions for this month and the next three', async () => {
    const trail = await fixture.open();
    expect(await partitionsOf(trail)).toEqual(partitionNames(MONTHS));
  });

  it('several processes that create the coming partitions at once create each one once', async () => {
    const trail = await fixture.open();
    await dropMonths(trail, MONTHS.slice(1));
    const reports = await Promise.all([1, 2, 3].map(() => createPartitions(trail)));
    expect(reports.flatMap(({ failed }) => failed)).toEqual([]);
    expect(reports.flatMap(({ created }) => created).toSorted()).toEqual(
      partitionNames(MONTHS.slice(1)),
    );
    expect(await partitionsOf(trail)).toEqual(partitionNames(MONTHS));
    expect(await createPartitions(trail)).toEqual({ created: [], failed: [] });
  });

  it('partitions can be created while events are being recorded', async () => {
    const trail = await fixture.open();
    const web = await trail.start(WEB);
    for (let round = 0; round < 5; round += 1) {
      await dropMonths(trail, MONTHS.slice(1));
      const draining = createAndDestroySessions(web, 200).then(() => web.audit.flush());
      const [{ created }] = await Promise.all([createPartitions(trail), draining]);
      expect(created).toHaveLength(6);
    }
  });

  it('the drain creates the partition of any month that its events need', async () => {
    const trail = await fixture.open();
    const web = await trail.start(WEB);
    const then = Date.UTC(2020, 1, 29);
    await addEntry(web, entry({ createdAt: then, occurredAt: then, expiresAt: then + 1 }));
    await web.audit.flush();
    expect(await trail.rows('SELECT created_at FROM sessions_2020_02')).toHaveLength(1);
    expect(await trail.rows('SELECT seq FROM session_events_2020_02')).toHaveLength(1);
    expect(await web.audit.health()).toMatchObject({ missingPartitions: 0, deadLetters: 0 });
  });

  it('after months without the daily job, the drain records events as before', async () => {
    const trail = await fixture.open();
    const web = await trail.start(WEB);
    await dropMonths(trail, MONTHS); // as if the last partitions ended before this month
    await createAndDestroySessions(web, 20);
    expect(await web.audit.flush()).toMatchObject({ recorded: 40, deadLettered: 0 });
    expect(await web.audit.health()).toMatchObject({ missingPartitions: 2 }); // next month's
    await trail.start({ buckets: 1 }); // a worker
    expect(await partitionsOf(trail)).toEqual(partitionNames(MONTHS));
  });

  it('a partition that was dropped while a process knew it is created again', async () => {
    const trail = await fixture.open({ isForged: true });
    const web = await trail.start(WEB);
    const then = Date.UTC(2020, 1, 29);
    const addOld = () =>
      addEntry(web, entry({ createdAt: then, occurredAt: Date.now(), expiresAt: then + 1 }));
    for (let round = 0; round < 2; round += 1) {
      await addOld();
      await web.audit.flush();
    }
    await trail.rows('DROP TABLE sessions_2020_02');
    await addOld();
    expect(await web.audit.flush()).toMatchObject({ recorded: 1, deadLettered: 0 });
  });

  it('an event from a year that no partition is created for becomes a dead letter', async () => {
    const trail = await fixture.open();
    const web = await trail.start(WEB);
    const then = Date.UTC(9000, 0, 1);
    await addEntry(web, entry({ createdAt: then, occurredAt: then, expiresAt: then + 1 }));
    expect(await web.audit.flush()).toMatchObject({ recorded: 0, deadLettered: 1 });
  });

  it('partitions are created while a reader and a writer hold all tables', async () => {
    const before = 'CREATE TABLE users (id text PRIMARY KEY)';
    const layout = { userId: { references: { table: 'users' } } };
    const trail = await fixture.open({ before, layout });
    await dropMonths(trail, MONTHS.slice(1));
    const holder = new Client({ connectionString: trail.databaseUrl });
    await holder.connect();
    try {
      await holder.query('BEGIN; SELECT FROM sessions, session_events, users');
      await holder.query('LOCK TABLE sessions, session_events IN ROW EXCLUSIVE MODE');
      expect(await createPartitions(trail)).toMatchObject({
        created: expect.arrayContaining(partitionNames(MONTHS.slice(1))),
        failed: [],
      });
    } finally {
      await holder.end();
    }
  });

  it('a partition that has to wait for a lock gives up within milliseconds, and is created later', async () => {
    const trail = await fixture.open();
    await dropMonths(trail, MONTHS.slice(3));
    const holder = new Client({ connectionString: trail.databaseUrl });
    await holder.connect();
    try {
      await holder.query('BEGIN; LOCK TABLE sessions, session_events IN SHARE MODE');
      const start = performance.now();
      const { created, failed } = await createPartitions(trail);
      expect({ created, failed: failed.map(({ name }) => name) }).toEqual({
        created: [],
        failed: partitionNames(MONTHS.slice(3)),
      });
      expect(failed[0]!.error.message).toContain('lock timeout');
      expect(performance.now() - start).toBeLessThan(2_000);
    } finally {
      await holder.end();
    }
    expect(await createPartitions(trail)).toMatchObject({ failed: [] });
    expect(await partitionsOf(trail)).toEqual(partitionNames(MONTHS));
  });

  it('the migration moves rows out of the default partitions', async () => {
    const trail = await fixture.open({ isForged: true });
    const web = await trail.start(WEB);
    const dataSource = new DataSource(ledgerDataSourceOptions(trail.databaseUrl));
    await dataSource.initialize();
    try {
      await dataSource.undoLastMigration();
      await trail.rows(`
        INSERT INTO sessions (token, created_at, expires_at) VALUES ('00late', '2019-12-24Z', '2019-12-25Z');
        INSERT INTO session_events (chain, seq, event, token, session_created_at, occurred_at,
                                    expires_at, recorded_at, hash)
        VALUES (9, 1, 'created', '00late', '2019-12-24Z', '2019-12-24Z', '2019-12-25Z', now(), sha256('x'))`);
      await dataSource.runMigrations();
    } finally {
      await dataSource.destroy();
    }
    expect(await trail.rows('SELECT id FROM sessions_2019_12')).toEqual([{ id: '1' }]);
    expect(await trail.rows('SELECT token FROM session_events_2019_12')).toHaveLength(1);
    expect(await web.audit.health()).toMatchObject({ missingPartitions: 0 });
  });
});

describe('Append-only guards', () => {
  const fixture = useLedger();
  const LEDGER_TABLES = ['session_events', `session_events_${month(0)}`, 'session_events_1970_01'];

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

  it('a worker that starts names the guards that are missing or disabled', async () => {
    const trail = await fixture.open();
    await trail.rows(
      `ALTER TABLE session_events_${month(1)} DISABLE TRIGGER session_events_append_only`,
    );
    const errors: string[] = [];
    const ignore = () => undefined;
    const error = (message: string) => errors.push(message);
    await trail.start({ logger: { log: ignore, warn: ignore, error } });
    expect(errors).toEqual([
      expect.stringContaining(`session_events_append_only of session_events_${month(1)}.`),
    ]);
  });
});
