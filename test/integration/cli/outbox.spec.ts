import { setTimeout as delay } from 'node:timers/promises';

import { describe, expect, it } from '@jest/globals';

import { useOperator } from './use-operator.js';

describe('the commands on the outbox', () => {
  const operator = useOperator();

  const signIn = async (...users: string[]) => {
    for (const userId of users) await operator.sessions.createSession({ userId });
  };

  describe('session-ledger backlog', () => {
    it('exits with 0 if the backlog is empty', async () => {
      const { code, stdout } = await operator.ledger('backlog');

      expect({ code, stdout }).toEqual({ code: 0, stdout: 'The backlog is empty.\n' });
    });

    it('shows the backlog of each bucket', async () => {
      await signIn('ann', 'ben', 'cleo', 'ann');

      const { code, stdout } = await operator.ledger('backlog');

      expect(code).toBe(0);
      expect(stdout).toMatch(/^bucket +events +oldest$/m);
      expect(stdout).toMatch(/Backlog: 4 events, the oldest \d+ \w+ old/);
    });

    it('exits with 1 if an event is older than --max-age', async () => {
      await signIn('ann');
      await delay(5); // so that its age is above 0 by Redis's clock

      expect((await operator.ledger('backlog', '--max-age', '0s')).code).toBe(1);
      expect((await operator.ledger('backlog', '--max-age', '1h')).code).toBe(0);
    });

    it('exits with 1 if there are more events than --max-events', async () => {
      await signIn('ann', 'ben', 'cleo');

      expect((await operator.ledger('backlog', '--max-events', '2')).code).toBe(1);
      expect((await operator.ledger('backlog', '--max-events', '3')).code).toBe(0);
    });

    it('prints one JSON document with --json', async () => {
      await signIn('ann', 'ben');

      const { events, ok, oldestAge, buckets } = JSON.parse(
        (await operator.ledger('backlog', '--json')).stdout,
      );

      expect({ events, ok }).toEqual({ events: 2, ok: true });
      expect(oldestAge).toBeGreaterThanOrEqual(0);
      expect(buckets).toHaveLength(4);
    });

    it('works without Postgres', async () => {
      const { code } = await operator.ledgerWith({ DATABASE_URL: undefined }, 'backlog');

      expect(code).toBe(0);
    });
  });

  describe('session-ledger flush', () => {
    it('records the backlog', async () => {
      await signIn('ann', 'ben', 'cleo');

      const { code, stdout } = await operator.ledger('flush');

      expect({ code, stdout }).toEqual({ code: 0, stdout: 'Recorded 3 events.\n' });
      expect((await operator.ledger('backlog', '--max-events', '0')).code).toBe(0);
      expect((await operator.ledger('verify')).stdout).toContain('Verified 3 rows');
    });

    it('prints one JSON document with --json', async () => {
      await signIn('ann');

      const { stdout } = await operator.ledger('flush', '--json');

      expect(JSON.parse(stdout)).toEqual({ recorded: 1, deadLettered: 0 });
    });

    it('exits with 1 if an event could not be recorded', async () => {
      await signIn('ann');
      await operator.redis.xadd(`${operator.env.SESSION_PREFIX}:{0}:o`, '*', 'not', 'ours');

      const { code, stdout } = await operator.ledger('flush');

      expect(code).toBe(1);
      expect(stdout).toContain('Postgres rejected 1 event, now in session_dead_letters.');
    });

    it('exits with 3 and loses nothing if Postgres is down', async () => {
      await signIn('ann');
      const down = { DATABASE_URL: 'postgres://postgres@127.0.0.1:1/ledger' };

      expect((await operator.ledgerWith(down, 'flush')).code).toBe(3);
      expect((await operator.ledger('flush')).stdout).toBe('Recorded 1 event.\n');
    });
  });

  describe('session-ledger reconcile', () => {
    it('says what it has corrected, with and without --paced, and exits with 1', async () => {
      for (const options of [[], ['--paced']]) {
        const session = await operator.sessions.createSession({ userId: 'ann' });
        const bucket = Number.parseInt(session.handle.slice(0, 2), 16);
        const set = `${operator.env.SESSION_PREFIX}:{${bucket}}:u:ann`;
        await operator.redis.zrem(set, session.handle.slice(2));

        const { code, stdout } = await operator.ledger('reconcile', ...options);

        expect(code).toBe(1);
        expect(stdout).toContain('Missing in Postgres, now recorded: 0.');
        expect(stdout).toContain('Wrong in an index of Redis, now corrected: 1.');
        expect((await operator.ledger('reconcile', ...options)).code).toBe(0);
      }
    });

    it('shows its progress at a terminal', async () => {
      await signIn('ann', 'ben');

      const { code, stderr } = await operator.ledgerAtTerminal('reconcile');

      expect(code).toBe(0);
      expect(stderr).toMatch(/Comparing: 33% \(2 of 6\).*Comparing: 100% \(6 of 6\)/s);
    });

    it('exits with 3 if another process is at the paced comparison', async () => {
      await signIn('ann');
      const state = { owner: 'another', leaseUntil: Date.now() + 60_000 };
      await operator.client.query('UPDATE session_ledger SET audit_position = $1', [
        JSON.stringify(state),
      ]);

      const { code, stderr } = await operator.ledger('reconcile', '--paced');

      expect(code).toBe(3);
      expect(stderr).toContain('Another process is comparing Redis with Postgres');
      expect((await operator.ledger('reconcile')).code).toBe(0);
    });

    it('exits with 0 if Redis and Postgres agree', async () => {
      await signIn('ann');
      await operator.ledger('flush');

      const { code, stdout } = await operator.ledger('reconcile');

      expect(code).toBe(0);
      expect(stdout).toContain('Missing in Redis, now recorded as lost: 0.');
    });

    it('records sessions that Redis has lost as ended, and exits with 1', async () => {
      await signIn('ann', 'ben');
      await operator.ledger('flush');
      const keys = await operator.redis.keys(`${operator.env.SESSION_PREFIX}:{*`);
      await operator.redis.del(...keys);

      const { code, stdout } = await operator.ledger('reconcile');

      expect(code).toBe(1);
      expect(stdout).toContain('Missing in Redis, now recorded as lost: 2.');
      const { rows } = await operator.client.query('SELECT end_reason FROM sessions');
      expect(rows).toEqual([{ end_reason: 'lost' }, { end_reason: 'lost' }]);
      expect((await operator.ledger('reconcile')).code).toBe(0);
    });
  });
});
