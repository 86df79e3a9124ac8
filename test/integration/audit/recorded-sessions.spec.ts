import { setTimeout as delay } from 'node:timers/promises';

import { afterEach, describe, expect, test } from '@jest/globals';

import type { PageRequest, RecordedSession, SessionPage } from '../../../src/index.js';
import { HOUR } from '../../support/durations.js';
import { startNestProcess, type NestProcess } from '../../support/nest-application.js';
import type { ProcessOptions } from '../../support/trail.js';
import { inMemory } from '../../support/use-contract.js';
import { useLedger, type LedgerFixture } from '../../support/use-ledger.js';

/** What `SessionAudit` reports about sessions, in Postgres and in memory. */
describe('recorded sessions', () => {
  const fixture: LedgerFixture | null = inMemory ? null : useLedger();
  const opened: NestProcess[] = [];
  afterEach(() => Promise.all(opened.splice(0).map((process) => process.close())));

  const start = async (options: ProcessOptions = {}): Promise<NestProcess> => {
    const web = { audit: { worker: false }, ...options };
    if (fixture) return (await fixture.open()).start(web);
    const process = await startNestProcess({ redis: 'in memory', ...web });
    opened.push(process);
    return process;
  };

  /** The user's sessions as recorded once all events are, oldest first. */
  const recorded = async ({ audit }: NestProcess, userId = 'ada') => {
    await audit.flush();
    return (await audit.history(userId)).sessions.toReversed();
  };

  const ends = (sessions: RecordedSession[]) =>
    sessions.map(({ handle, endReason, endedBy }) => [handle, endReason, endedBy]);

  test('a session is recorded with its user, times and client, and is open until it ends', async () => {
    const process = await start();
    const client = { ip: '203.0.113.7', userAgent: 'Firefox/140' };
    const session = await process.sessions.createSession({ userId: 'ada', expires: HOUR, client });
    const { handle, createdAt, expiresAt } = session;
    const row = { handle, userId: 'ada', createdAt, expiresAt, ...client };
    const open = { endedAt: null, endReason: null, endedBy: null };
    expect(await recorded(process)).toEqual([{ ...row, ...open }]);

    await process.sessions.destroySession(session.id, { reason: 'stolen', actor: 'admin:7' });
    const [ended] = await recorded(process);
    const end = { endedAt: expect.any(Date), endReason: 'stolen', endedBy: 'admin:7' };
    expect(ended).toEqual({ ...row, ...end });
    expect(ended!.endedAt!.getTime()).toBeGreaterThanOrEqual(createdAt.getTime());
    expect(ended!.endedAt!.getTime()).toBeLessThan(createdAt.getTime() + HOUR);
  });

  test('a client without address and user agent is recorded as null', async () => {
    const process = await start();
    await process.sessions.createSession({ userId: 'ada' });
    expect(await recorded(process)).toMatchObject([{ ip: null, userAgent: null }]);
  });

  test('each way to end a session is recorded with its reason', async () => {
    const process = await start({ maxSessionsPerUser: 3 });
    const { sessions } = process;
    const create = () => sessions.createSession({ userId: 'ada' });
    const evicted = await create();
    await delay(2); // of sessions that began in the same millisecond, either may be the oldest
    const left = await create();
    const old = await create();
    const rotated = await sessions.rotateSession(old.id);
    const revoked = await create();
    await sessions.destroySession(left.id);
    await sessions.destroySessionByHandle(revoked.handle, { actor: 'admin' });
    await sessions.invalidateAllUserSessions('ada', { reason: 'password-changed' });
    const found = new Map(ends(await recorded(process)).map(([handle, ...end]) => [handle, end]));
    expect(found).toEqual(
      new Map([
        [evicted.handle, ['evicted', null]],
        [left.handle, ['logout', null]],
        [old.handle, ['rotated', null]],
        [rotated.handle, ['password-changed', null]],
        [revoked.handle, ['revoked', 'admin']],
      ]),
    );
  });

  test('history pages through the sessions of one user, newest first', async () => {
    const process = await start();
    for (const userId of ['ada', 'bob', 'ada', 'ada', 'bob', 'ada', 'ada']) {
      await process.sessions.createSession({ userId });
    }
    const all = await recorded(process);
    expect(all).toHaveLength(5);
    for (const limit of [1, 2, 5, 6]) {
      const read = (page: PageRequest) => process.audit.history('ada', { ...page, limit });
      expect(await readAll(read)).toEqual(all.toReversed());
    }
    expect(await process.audit.history('eve')).toEqual({ sessions: [], next: null });
  });

  test('activeAt lists the sessions that were live at a moment', async () => {
    const process = await start();
    const { audit, sessions } = process;
    const ended = await sessions.createSession({ userId: 'ada', expires: 2 * HOUR });
    const open = await sessions.createSession({ userId: 'bob', expires: 4 * HOUR });
    await sessions.destroySession(ended.id);
    await audit.flush();
    const handlesAt = async (moment: number) => {
      const found = await readAll((page) =>
        audit.activeAt(new Date(moment), { ...page, limit: 1 }),
      );
      return found.map(({ handle }) => handle);
    };
    const [{ endedAt }] = (await recorded(process)) as [RecordedSession];
    expect(await handlesAt(ended.createdAt.getTime() - 1)).toEqual([]);
    expect(await handlesAt(endedAt!.getTime())).toEqual([open.handle]);
    expect(await handlesAt(open.expiresAt.getTime() - 1)).toEqual([open.handle]);
    expect(await handlesAt(open.expiresAt.getTime())).toEqual([]);
  });

  test('invalid pages and moments are rejected', async () => {
    const { audit } = await start();
    const invalid = { code: 'ERR_SESSION_INPUT' };
    for (const page of [{ limit: 0 }, { limit: 1_001 }, { limit: 1.5 }, { after: 'gibberish' }]) {
      await expect(audit.history('ada', page)).rejects.toMatchObject(invalid);
      await expect(audit.activeAt(new Date(), page)).rejects.toMatchObject(invalid);
    }
    await expect(audit.activeAt(new Date(Number.NaN))).rejects.toMatchObject(invalid);
  });

  test('a ledger without problems is reported as such', async () => {
    const process = await start();
    await process.sessions.createSession({ userId: 'ada' });
    const { audit } = process;
    await audit.flush();
    expect(await audit.flush()).toEqual({ recorded: 0, deadLettered: 0 });
    expect(await audit.verify()).toEqual({ valid: true, rows: '1', breaks: [] });
    expect(await audit.deadLetters()).toEqual([]);
    expect(await audit.redrive()).toEqual({ recorded: 0, refused: [] });
    expect(await audit.backlog()).toEqual(
      Array.from({ length: 16 }, (_, bucket) => ({ bucket, events: 0, oldestAge: null })),
    );
    expect(await audit.health()).toEqual({
      auditedAt: null,
      backlog: 0,
      oldestAge: 0,
      deadLetters: 0,
      missingPartitions: 0,
      binding: 'bound',
      // A new Redis may have been adopted.
      recentIncidents: expect.any(Number),
    });
    expect(await audit.reconcile()).toMatchObject({
      checked: 1,
      missing: 0,
      held: false,
      resurrected: 0,
    });
  });
});

async function readAll(read: (page: PageRequest) => Promise<SessionPage>) {
  const sessions: RecordedSession[] = [];
  let after: string | undefined;
  do {
    const page = await read({ after });
    sessions.push(...page.sessions);
    after = page.next ?? undefined;
  } while (after !== undefined);
  return sessions;
}
