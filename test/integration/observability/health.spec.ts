import { Client } from 'pg';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';

import { MINUTE } from '../../support/durations.js';
import { eventually } from '../../support/eventually.js';
import { useWatchedApplication } from './use-watched-application.js';

describe('the health indicator in Terminus', () => {
  const site = useWatchedApplication();

  const check = async () => {
    const response = await fetch(`${site.url}/health`);
    const { details } = (await response.json()) as { details: Record<string, object> };
    return { status: response.status, sessions: details.sessions };
  };
  const sql = async (text: string) => {
    const client = new Client(site.postgres.url);
    await client.connect();
    await client.query(text).finally(() => client.end());
  };

  beforeEach(async () => {
    await eventually(() => site.audit.flush());
  });
  afterEach(() => {
    site.redis.servers[0]!.resume();
    site.postgres.resume();
  });

  test('health is up if Redis and Postgres answer and every event is recorded', async () => {
    expect(await check()).toEqual({
      status: 200,
      sessions: {
        status: 'up',
        redis: 'up',
        postgres: 'up',
        backlog: 0,
        oldestUnrecorded: 0,
        deadLetters: 0,
        missingPartitions: 0,
        binding: 'bound',
        recentIncidents: 0,
        auditedAt: null,
        problems: [],
      },
    });
  });

  test('health is degraded while events wait to be recorded', async () => {
    await site.sessions.createSession({ userId: 'ada' });
    expect(await check()).toMatchObject({ sessions: { status: 'up', backlog: 1 } });
    await site.letTimePass(2 * MINUTE);
    const { status, sessions } = await check();
    expect(status).toBe(200);
    expect(sessions).toMatchObject({
      status: 'degraded',
      backlog: 1,
      problems: ['Events wait for Postgres. Is an audit worker running?'],
    });
    expect((sessions as { oldestUnrecorded: number }).oldestUnrecorded).toBeGreaterThan(MINUTE);
    await site.audit.flush();
    expect(await check()).toMatchObject({ sessions: { status: 'up', backlog: 0 } });
  });

  test('health is degraded if there are dead letters', async () => {
    await sql(
      "INSERT INTO session_dead_letters (chain, stream_id, raw, reason) VALUES (0, '1-1', '', 'test')",
    );
    expect(await check()).toMatchObject({
      sessions: { status: 'degraded', deadLetters: 1 },
    });
    await sql('UPDATE session_dead_letters SET redriven_at = now()');
    expect(await check()).toMatchObject({ sessions: { status: 'up', deadLetters: 0 } });
  });

  test('health is degraded if a partition of this month or the next is missing', async () => {
    const now = new Date();
    const next = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + 1));
    const suffix = next.toISOString().slice(0, 7).replace('-', '_');
    await sql(`DROP TABLE sessions_${suffix}`);
    expect(await check()).toMatchObject({
      sessions: { status: 'degraded', missingPartitions: 1 },
    });
    await sql('SELECT make_session_partitions(1)');
  });

  test('health is degraded while Postgres is down, and still reports the backlog', async () => {
    await site.sessions.createSession({ userId: 'ada' });
    await site.postgres.kill();
    const { status, sessions } = await check();
    expect(status).toBe(200);
    expect(sessions).toEqual({
      status: 'degraded',
      redis: 'up',
      postgres: 'down',
      backlog: 1,
      oldestUnrecorded: expect.any(Number),
      problems: ['Postgres does not answer; sessions keep working.'],
    });
    await site.postgres.restart();
    await eventually(async () =>
      expect(await check()).toMatchObject({ sessions: { postgres: 'up' } }),
    );
  });

  test('health answers within a second while Postgres or Redis hangs', async () => {
    const timed = async () => {
      const start = performance.now();
      const { sessions } = await check();
      return { sessions, ms: performance.now() - start };
    };
    site.postgres.pause();
    for (let round = 0; round < 3; round += 1) {
      const { sessions, ms } = await timed();
      expect(sessions).toMatchObject({ redis: 'up', postgres: 'down' });
      expect(ms).toBeLessThan(1_000);
    }
    site.redis.servers[0]!.pause();
    const { sessions, ms } = await timed();
    expect(sessions).toMatchObject({ redis: 'down' });
    expect(ms).toBeLessThan(1_100); // 1 s, and HTTP
    site.redis.servers[0]!.resume();
    site.postgres.resume();
    await eventually(async () =>
      expect(await check()).toMatchObject({ sessions: { postgres: 'up' } }),
    );
  });

  test('health is down while Redis is unreachable, and shows no details of the error', async () => {
    site.redis.servers[0]!.pause();
    expect(await check()).toEqual({
      status: 503,
      sessions: { status: 'down', redis: 'down', problems: ['Redis does not answer.'] },
    });
    site.redis.servers[0]!.resume();
    await eventually(async () => expect(await check()).toMatchObject({ status: 200 }));
  });
});

describe('the health indicator in a process without a database', () => {
  const site = useWatchedApplication({ database: undefined });

  test('without a database, health reports Redis and the backlog', async () => {
    const response = await fetch(`${site.url}/health`);
    expect(await response.json()).toMatchObject({
      details: { sessions: { status: 'up', postgres: 'none', backlog: 0 } },
    });
    await site.sessions.createSession({ userId: 'ada' });
  });
});
