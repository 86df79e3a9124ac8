import { Registry } from 'prom-client';
import { afterEach, describe, expect, test } from '@jest/globals';

import { eventually } from '../../support/eventually.js';
import { useWatchedApplication } from './use-watched-application.js';

describe('Prometheus metrics', () => {
  const registry = new Registry();
  const site = useWatchedApplication({ metrics: { registry } });
  afterEach(() => site.redis.servers[0]!.resume());

  const value = async (line: string) => {
    const text = await registry.metrics();
    const found = text.split('\n').find((each) => each.startsWith(`${line} `));
    return found === undefined ? undefined : Number(found.slice(line.length));
  };

  test('metrics time each operation by outcome', async () => {
    const { id } = await site.sessions.createSession({ userId: 'ada' });
    await site.sessions.validateSession(id);
    await site.sessions.createSession({ userId: '' }).catch(() => undefined);
    const count = (operation: string, outcome: string) =>
      value(
        `nest_session_operation_seconds_count{module="default",operation="${operation}",outcome="${outcome}"}`,
      );
    expect(await count('createSession', 'ok')).toBe(1);
    expect(await count('createSession', 'ERR_SESSION_INPUT')).toBe(1);
    expect(await count('validateSession', 'ok')).toBe(1);
  });

  test('metrics count the rejections of the guard by code', async () => {
    await fetch(`${site.url}/account`);
    const rejections =
      'nest_session_rejections_total{module="default",code="ERR_SESSION_REQUIRED"}';
    expect(await value(rejections)).toBe(1);
  });

  test("metrics report the ledger's backlog, even while Postgres is down", async () => {
    await site.audit.flush();
    await site.sessions.createSession({ userId: 'ada' });
    expect(await value('nest_session_ledger_backlog_events{module="default"}')).toBe(1);
    expect(await value('nest_session_ledger_dead_letters{module="default"}')).toBe(0);
    expect(await value('nest_session_ledger_postgres_up{module="default"}')).toBe(1);
    await site.postgres.kill();
    expect(await value('nest_session_ledger_backlog_events{module="default"}')).toBe(1);
    expect(await value('nest_session_ledger_oldest_event_seconds{module="default"}')).toBeDefined();
    expect(await value('nest_session_ledger_dead_letters{module="default"}')).toBeUndefined();
    expect(await value('nest_session_ledger_postgres_up{module="default"}')).toBe(0);
    await site.postgres.restart();
    await eventually(() => site.audit.flush());
  });

  test('metrics report how long ago Redis and Postgres were last compared', async () => {
    const seconds = () => value('nest_session_ledger_seconds_since_audit{module="default"}');
    expect(await seconds()).toBeUndefined();
    await eventually(() => site.audit.reconcile());
    const since = await seconds();
    expect(since).toBeGreaterThanOrEqual(0);
    expect(since).toBeLessThan(60);
  });

  test('metrics are served while Redis is unreachable, without those that need Redis', async () => {
    site.redis.servers[0]!.pause();
    expect(await value('nest_session_open_sockets{module="default"}')).toBe(0);
    expect(await value('nest_session_ledger_backlog_events{module="default"}')).toBeUndefined();
  });

  test('metrics contain no session ID, user or address', async () => {
    const { id, handle } = await site.sessions.createSession({
      userId: 'conspicuous',
      client: { ip: '192.0.2.1' },
    });
    await site.sessions.validateSession(id);
    const text = await registry.metrics();
    for (const secret of [id, id.slice(-43), handle, 'conspicuous', '192.0.2.1']) {
      expect(text).not.toContain(secret);
    }
  });
});

describe('uninstrumented service', () => {
  const site = useWatchedApplication({ tracing: false });

  test('without metrics and tracing, the service is not wrapped', async () => {
    await site.sessions.createSession({ userId: 'ada' });
    expect(Object.hasOwn(site.sessions, 'createSession')).toBe(false);
    expect(Object.hasOwn(site.sessions, 'findValidSession')).toBe(false);
  });
});
