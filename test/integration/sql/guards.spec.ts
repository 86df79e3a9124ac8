import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { recipe } from './recipes.js';
import { useLedgerDatabase } from './use-ledger-database.js';

describe("The ledger's guards", () => {
  const database = useLedgerDatabase();

  beforeEach(() => database.client.query('BEGIN'));
  afterEach(() => database.client.query('ROLLBACK'));

  const missingGuards = async () =>
    (await database.rows<{ guard: string }>(recipe("Are the ledger's guards in place?"))).map(
      ({ guard }) => guard,
    );
  const firstPartition = async () =>
    (
      await database.rows<{ name: string }>(
        `SELECT inhrelid::regclass::text AS name FROM pg_inherits
         WHERE inhparent = 'session_events'::regclass ORDER BY 1 LIMIT 1`,
      )
    )[0]!.name;

  it('all guards of the ledger are in place after the migration', async () => {
    expect(await missingGuards()).toEqual([]);
  });

  it.each(['session_events_append_only', 'session_events_no_truncate'])(
    'the check of the guards reports the trigger %s when it is disabled',
    async (trigger) => {
      await database.client.query(`ALTER TABLE session_events DISABLE TRIGGER ${trigger}`);

      expect(await missingGuards()).toContain(`${trigger} of session_events`);
    },
  );

  it('the check of the guards reports a single partition with disabled triggers', async () => {
    const partition = await firstPartition();
    await database.client.query(`ALTER TABLE ${partition} DISABLE TRIGGER ALL`);

    expect(await missingGuards()).toEqual([
      `session_events_append_only of ${partition}`,
      `session_events_no_truncate of ${partition}`,
    ]);
  });

  it('the check of the guards reports a missing primary key or NOT NULL', async () => {
    await database.client.query(
      'ALTER TABLE session_events DROP CONSTRAINT session_events_pkey; ALTER TABLE session_events ALTER seq DROP NOT NULL',
    );

    expect(await missingGuards()).toEqual(['session_events_pkey', 'NOT NULL of seq']);
  });

  it.each([
    'UPDATE session_events SET seq = 2',
    'DELETE FROM session_events',
    'TRUNCATE session_events',
  ])('the ledger rejects: %s', async (change) => {
    await database.client.query(
      `INSERT INTO session_events (chain, seq, event, token, session_created_at, occurred_at,
           expires_at, recorded_at, hash)
         VALUES (0, 1, 'created', 't', now(), now(), now(), now(), sha256(''))`,
    );

    await expect(database.client.query(change)).rejects.toThrow('append-only');
  });
});
