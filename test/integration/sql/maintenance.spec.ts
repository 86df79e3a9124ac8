import { afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';

import { createPartitions } from './background-sessions.js';
import { recipe, recipes } from './recipes.js';
import { handle, insertSampleSessions } from './sample-sessions.js';
import { useLedgerDatabase } from './use-ledger-database.js';

describe('The maintenance statements of docs/sql.md', () => {
  const database = useLedgerDatabase();

  beforeAll(async () => {
    await createPartitions(database.client);
    await insertSampleSessions(database.client);
  });
  beforeEach(() => database.client.query('BEGIN'));
  afterEach(() => database.client.query('ROLLBACK'));

  describe('The role for auditors', () => {
    beforeEach(async () => {
      await database.client.query(recipe('A role for auditors'));
      // The role must also be able to read partitions that are created later.
      await database.client.query('SELECT make_session_partitions(5)');
      await database.client.query('SET LOCAL ROLE ledger_auditor');
    });

    const queries = recipes.filter(({ section }) => section !== 'Maintenance');
    it.each(queries.map(({ heading }) => heading))(
      'the role for auditors can run the query "%s"',
      async (heading) => {
        await expect(database.client.query(recipe(heading))).resolves.toBeDefined();
      },
    );

    it.each(['sessions', 'session_events', 'session_chains', 'session_dead_letters'])(
      'the role for auditors cannot change %s',
      async (table) => {
        for (const change of [
          `DELETE FROM ${table}`,
          `TRUNCATE ${table}`,
          `INSERT INTO ${table} DEFAULT VALUES`,
          `ALTER TABLE ${table} DISABLE TRIGGER ALL`,
          `UPDATE ${table} SET ${table === 'sessions' ? 'ip = NULL' : 'chain = 1'}`,
        ]) {
          await database.client.query('SAVEPOINT before');
          await expect(database.client.query(change)).rejects.toThrow(/permission|owner/);
          await database.client.query('ROLLBACK TO before');
        }
      },
    );
  });

  describe('Erasing personal data', () => {
    it("erasing personal data clears ip, user agent and salt of a user's ended sessions", async () => {
      await database.client.query(recipe('Erasing personal data'));

      const left = await database.rows<{ user_id: string }>(
        'SELECT DISTINCT user_id FROM sessions WHERE client_salt IS NOT NULL',
      );
      expect(left.map(({ user_id }) => user_id)).not.toContain('bob');
      expect(left.map(({ user_id }) => user_id)).toContain('alice');
      const [bob] = await database.rows(
        `SELECT ip, user_agent, client_salt, end_reason FROM sessions WHERE token = $1`,
        [handle(10, 'bob-tablet')],
      );
      expect(bob).toEqual({ ip: null, user_agent: null, client_salt: null, end_reason: 'revoked' });
    });

    it('erasing redriven dead letters keeps those that still wait', async () => {
      await database.client.query(recipe('Erasing redriven dead letters'));

      const left = await database.rows('SELECT chain FROM session_dead_letters ORDER BY chain');
      expect(left).toEqual([{ chain: 3 }, { chain: 5 }]);
    });
  });

  describe('Matching a client', () => {
    const matches = async (sql = recipe("Does a session's client match the ledger?")) =>
      (await database.rows<{ matches: boolean | null }>(sql))[0]?.matches;

    it('the ledger confirms the true client of a session and no other', async () => {
      const sql = recipe("Does a session's client match the ledger?");

      expect(await matches()).toBe(true);
      expect(await matches(sql.replace('192.0.2.10', '192.0.2.11'))).toBe(false);
      expect(await matches(sql.replace('Firefox', 'Chrome'))).toBe(false);
    });

    it('the ledger cannot confirm a client once its data is erased', async () => {
      await database.client.query(recipe('Erasing personal data').replaceAll('bob', 'alice'));

      expect(await matches()).toBeNull();
    });
  });
});
