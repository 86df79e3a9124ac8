import { setTimeout as delay } from 'node:timers/promises';

import { describe, expect, it } from '@jest/globals';

import { useOperator } from './use-operator.js';

describe('what waits in Redis', () => {
  const operator = useOperator();

  const signIn = async (...users: string[]) => {
    for (const userId of users) await operator.sessions.createSession({ userId });
  };

  describe('ledger backlog', () => {
    it('ends with 0 where nothing waits', async () => {
      const { code, stdout } = await operator.ledger('backlog');

      expect({ code, stdout }).toEqual({ code: 0, stdout: 'No event waits to be recorded.\n' });
    });

    it('shows what waits, by bucket', async () => {
      await signIn('ann', 'ben', 'cleo', 'ann');

      const { code, stdout } = await operator.ledger('backlog');

      expect(code).toBe(0);
      expect(stdout).toMatch(/bucket +│ events +│ oldest/);
      expect(stdout).toMatch(/4 events wait to be recorded, the oldest for \d+/);
    });

    it('ends with 1 where an event waits for too long', async () => {
      await signIn('ann');
      await delay(5); // by Redis's clock it is older then

      expect((await operator.ledger('backlog', '--max-age', '0s')).code).toBe(1);
      expect((await operator.ledger('backlog', '--max-age', '1h')).code).toBe(0);
    });

    it('ends with 1 where too many wait', async () => {
      await signIn('ann', 'ben', 'cleo');

      expect((await operator.ledger('backlog', '--max-events', '2')).code).toBe(1);
      expect((await operator.ledger('backlog', '--max-events', '3')).code).toBe(0);
    });

    it('gives programs one JSON document', async () => {
      await signIn('ann', 'ben');

      const { events, fine, oldestAge, buckets } = JSON.parse(
        (await operator.ledger('backlog', '--json')).stdout,
      );

      expect({ events, fine }).toEqual({ events: 2, fine: true });
      expect(oldestAge).toBeGreaterThanOrEqual(0);
      expect(buckets).toHaveLength(4);
    });

    it('needs no Postgres', async () => {
      const { code } = await operator.ledgerWith({ DATABASE_URL: undefined }, 'backlog');

      expect(code).toBe(0);
    });
  });

  describe('ledger flush', () => {
    it('records what waits', async () => {
      await signIn('ann', 'ben', 'cleo');

      const { code, stdout } = await operator.ledger('flush');

      expect({ code, stdout }).toEqual({ code: 0, stdout: '3 events recorded.\n' });
      expect((await operator.ledger('backlog', '--max-events', '0')).code).toBe(0);
      expect((await operator.ledger('verify')).stdout).toContain('3 rows verified');
    });

    it('gives programs one JSON document', async () => {
      await signIn('ann');

      const { stdout } = await operator.ledger('flush', '--json');

      expect(JSON.parse(stdout)).toEqual({ recorded: 1, deadLettered: 0 });
    });

    it('ends with 1 where an event could not be recorded', async () => {
      await signIn('ann');
      await operator.redis.xadd(`${operator.env.SESSION_PREFIX}:{0}:o`, '*', 'not', 'ours');

      const { code, stdout } = await operator.ledger('flush');

      expect(code).toBe(1);
      expect(stdout).toContain('1 could not be, and are dead letters now.');
    });

    it('ends with 3 where Postgres is away, and loses nothing', async () => {
      await signIn('ann');
      const away = { DATABASE_URL: 'postgres://postgres@127.0.0.1:1/ledger' };

      expect((await operator.ledgerWith(away, 'flush')).code).toBe(3);
      expect((await operator.ledger('flush')).stdout).toBe('1 events recorded.\n');
    });
  });

  describe('ledger reconcile', () => {
    it('ends with 0 where Redis and Postgres agree', async () => {
      await signIn('ann');
      await operator.ledger('flush');

      const { code, stdout } = await operator.ledger('reconcile');

      expect(code).toBe(0);
      expect(stdout).toContain('0 were missing there');
    });

    it('records the ends of what Redis has lost, and ends with 1', async () => {
      await signIn('ann', 'ben');
      await operator.ledger('flush');
      // Redis has just begun what is younger than a minute, so it isn't looked for.
      await operator.client.query(
        `UPDATE sessions SET created_at = created_at - interval '1 hour'`,
      );
      const keys = await operator.redis.keys(`${operator.env.SESSION_PREFIX}:{*`);
      await operator.redis.del(...keys);

      const { code, stdout } = await operator.ledger('reconcile');

      expect(code).toBe(1);
      expect(stdout).toContain('2 were missing there: their ends are recorded now.');
      const { rows } = await operator.client.query('SELECT end_reason FROM sessions');
      expect(rows).toEqual([{ end_reason: 'lost' }, { end_reason: 'lost' }]);
      expect((await operator.ledger('reconcile')).code).toBe(0);
    });
  });
});
