import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { LoggerService } from '@nestjs/common';

import { eventually } from '../../support/eventually.js';
import { expectNoIssuedIds, textsWithIssuedIds } from '../../support/secret-search.js';
import { addEntry, entry } from './entries.js';
import { countRecords } from './records.js';
import { createAndDestroySessions, createSessions } from './sessions.js';
import { useLedger } from '../../support/use-ledger.js';

describe('Secrecy of the session ID', () => {
  const fixture = useLedger();
  const output: string[] = [];
  const note = (...args: unknown[]) => void output.push(args.map(toText).join(' '));
  const logger: LoggerService = {
    log: note,
    error: note,
    warn: note,
    debug: note,
    verbose: note,
    fatal: note,
  };

  beforeAll(() => {
    for (const method of ['log', 'info', 'warn', 'error', 'debug'] as const) {
      jest.spyOn(console, method).mockImplementation(note);
    }
  });
  afterAll(() => void jest.restoreAllMocks());

  it('session IDs never appear in logs, errors, jobs or tables, even during failures', async () => {
    const trail = await fixture.open();
    const app = await trail.start({
      buckets: 1,
      redisTimeout: 500,
      logger,
      audit: { emptyRedis: 'adopt' }, // this Redis forgets everything when it is killed
    });
    const [ada, bob] = await createSessions(app, 2);
    await app.sessions.rotateSession(ada!.id);
    await app.sessions.updateSessionData(bob!.id, { theme: 'dark' });
    await addEntry(app, entry({ userAgent: '\0' }));
    await eventually(async () => expect((await countRecords(trail)).created).toBe(3));

    // Calls that take a session ID, some of them invalid. Run now and again during each failure.
    const calls = [
      () => app.sessions.createSession({ userId: 'eve', expires: -1 }),
      () => app.sessions.updateSessionData(ada!.id, {}),
      () => app.sessions.updateSessionData(bob!.id, { large: 'x'.repeat(20_000) }),
      () => app.sessions.rotateSession(ada!.id),
      () => app.sessions.validateSession(bob!.id),
      () => app.sessions.destroySession(bob!.id, { reason: '' }),
      () => app.sessions.invalidateAllUserSessions('user 1', { except: bob!.id, reason: '' }),
    ];
    const callAll = async () => {
      const results = await Promise.allSettled(calls.map((call) => call()));
      for (const result of results) if (result.status === 'rejected') note(result.reason);
    };
    await callAll();
    await fixture.postgres.kill();
    await createAndDestroySessions(app, 20);
    await callAll();
    await app.audit.health().catch(note);
    await eventually(async () => expect(output.join('\n')).toContain('Postgres'));
    await expectNoIssuedIds(fixture.redis); // including BullMQ's keys while jobs are running
    await fixture.postgres.restart();
    await eventually(async () => expect((await countRecords(trail)).created).toBe(23), 30_000);

    fixture.redis.servers[0]!.pause();
    await callAll();
    fixture.redis.servers[0]!.resume();
    await eventually(() => app.sessions.validateSession(bob!.id));
    await fixture.redis.servers[0]!.kill();
    await callAll();
    await fixture.redis.servers[0]!.restart();
    await eventually(() => app.sessions.validateSession(bob!.id));
    await eventually(() => app.audit.reconcile(), 30_000);

    expect(output.length).toBeGreaterThan(20);
    expect(textsWithIssuedIds(output)).toEqual([]);
  }, 120_000);
});

/** Formats an error with its properties, causes and stack: the most that a logger could print. */
function toText(value: unknown): string {
  if (!(value instanceof Error)) return typeof value === 'string' ? value : JSON.stringify(value);
  const cause = value.cause === undefined ? '' : toText(value.cause);
  return `${value.stack} ${JSON.stringify({ ...value })} ${cause}`;
}
