import { afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';

import { makeMonths } from './crowd.js';
import { recipe, recipes } from './recipes.js';
import { handle, tellStory } from './story.js';
import { useLedgerDatabase } from './use-ledger-database.js';

describe('the upkeep of docs/sql.md', () => {
  const database = useLedgerDatabase();

  beforeAll(async () => {
    await makeMonths(database.client);
    await tellStory(database.client);
  });
  beforeEach(() => database.client.query('BEGIN'));
  afterEach(() => database.client.query('ROLLBACK'));

  describe('the role for auditors', () => {
    beforeEach(async () => {
      await database.client.query(recipe('A role for auditors'));
      // Partitions to come are covered, too.
      await database.client.query('SELECT make_session_partitions(5)');
      await database.client.query('SET LOCAL ROLE ledger_auditor');
    });

    const questions = recipes.filter(({ part }) => part !== 'Upkeep');
    it.each(questions.map(({ heading }) => heading))('may ask: %s', async (heading) => {
      await expect(database.client.query(recipe(heading))).resolves.toBeDefined();
    });

    it.each(['sessions', 'session_events', 'session_chains', 'session_dead_letters'])(
      'may change nothing in %s',
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

  describe('erasing personal data', () => {
    it("takes what is personal out of a user's sessions that are over, and nothing else", async () => {
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

    it('removes the dead letters that were recorded after all', async () => {
      await database.client.query(recipe('Erasing dead letters that were recorded after all'));

      const left = await database.rows('SELECT chain FROM session_dead_letters ORDER BY chain');
      expect(left).toEqual([{ chain: 3 }, { chain: 5 }]);
    });
  });

  describe('matching a known client', () => {
    const matches = async (sql = recipe('Does a known client match the ledger?')) =>
      (await database.rows<{ matches: boolean | null }>(sql))[0]?.matches;

    it('tells a true address from a false one', async () => {
      const sql = recipe('Does a known client match the ledger?');

      expect(await matches()).toBe(true);
      expect(await matches(sql.replace('192.0.2.10', '192.0.2.11'))).toBe(false);
      expect(await matches(sql.replace('Firefox', 'Chrome'))).toBe(false);
    });

    it('tells nothing once the data is erased', async () => {
      await database.client.query(recipe('Erasing personal data').replaceAll('bob', 'alice'));

      expect(await matches()).toBeNull();
    });
  });
});
