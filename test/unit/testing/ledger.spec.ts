import { Test, type TestingModule } from '@nestjs/testing';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';

import { SessionHealth, SessionService, type Duration } from '../../../src/index.js';
import { SessionTestingLedger, SessionTestingModule } from '../../../src/testing/index.js';
import { INVALID_AUDIT_CALLS } from '../../support/invalid-audit-calls.js';

const HOUR = 3_600_000;

describe('SessionTestingLedger', () => {
  let module: TestingModule;
  let sessions: SessionService;
  let ledger: SessionTestingLedger;

  beforeEach(async () => {
    const imports = [SessionTestingModule.forRoot()];
    module = await Test.createTestingModule({ imports }).compile();
    sessions = module.get<SessionService>(SessionService);
    ledger = SessionTestingLedger.of(module);
  });
  afterEach(() => module.close());

  test('the ledger tells who was signed in, and why each session ended', async () => {
    const ada = await sessions.createSession({ userId: 'ada' });
    const bob = await sessions.createSession({ userId: 'bob' });
    await sessions.destroySession(ada.id, { reason: 'left', actor: 'admin' });
    expect(ledger.sessions).toMatchObject([
      { handle: ada.handle, userId: 'ada', endReason: 'left', endedBy: 'admin' },
      { handle: bob.handle, userId: 'bob', endReason: null, endedAt: null },
    ]);
    expect(ledger.events).toEqual([
      {
        event: 'created',
        handle: ada.handle,
        userId: 'ada',
        at: ada.createdAt,
        expiresAt: ada.expiresAt,
        reason: null,
        actor: null,
      },
      expect.objectContaining({ event: 'created', handle: bob.handle }),
      expect.objectContaining({ event: 'destroyed', handle: ada.handle, reason: 'left' }),
    ]);
  });

  test('expired sessions are in their place among the events, with the time of their expiry', async () => {
    const { expiresAt } = await sessions.createSession({ userId: 'ada', expires: HOUR });
    ledger.letTimePass('3h');
    const bob = await sessions.createSession({ userId: 'bob' });
    expect(ledger.events).toMatchObject([
      { event: 'created', userId: 'ada' },
      { event: 'destroyed', userId: 'ada', at: expiresAt, reason: 'expired', actor: null },
      { event: 'created', userId: 'bob', at: bob.createdAt },
    ]);
  });

  test('letTimePass accepts milliseconds and text, and rejects anything else', async () => {
    const { id } = await sessions.createSession({ userId: 'ada', expires: 2 * HOUR });
    ledger.letTimePass(HOUR);
    ledger.letTimePass('59m');
    expect(await sessions.validateSession(id)).not.toBeNull();
    ledger.letTimePass('1m');
    expect(await sessions.validateSession(id)).toBeNull();
    for (const invalid of ['soon', Number.NaN]) {
      expect(() => ledger.letTimePass(invalid as Duration)).toThrow(/is not a duration/);
    }
  });

  test('while Redis is stopped, every operation fails as it does without a Redis', async () => {
    const { id, handle } = await sessions.createSession({ userId: 'ada' });
    ledger.stopRedis();
    const calls = [
      () => sessions.createSession({ userId: 'ada' }),
      () => sessions.validateSession(id),
      () => sessions.getSession(id),
      () => sessions.listUserSessions('ada'),
      () => sessions.updateSessionData(id, { a: 1 }),
      () => sessions.rotateSession(id),
      () => sessions.destroySession(id),
      () => sessions.invalidateAllUserSessions('ada'),
    ];
    for (const call of calls) {
      await expect(call()).rejects.toMatchObject({ code: 'ERR_SESSION_REDIS_UNAVAILABLE' });
    }
    expect(await sessions.areAlive([handle])).toEqual([undefined]);
    const health = module.get(SessionHealth);
    expect((await health.check()).sessions).toMatchObject({ status: 'down', redis: 'down' });
    ledger.startRedis();
    expect(await sessions.validateSession(id)).toEqual({ id: 'ada' });
    expect((await health.check()).sessions).toMatchObject({ status: 'up', postgres: 'up' });
  });

  test('clear forgets sessions, events and passed time, and starts Redis again', async () => {
    const { id } = await sessions.createSession({ userId: 'ada' });
    ledger.letTimePass('1h');
    ledger.stopRedis();
    ledger.clear();
    expect(ledger.sessions).toEqual([]);
    expect(ledger.events).toEqual([]);
    expect(await sessions.validateSession(id)).toBeNull();
    const { createdAt } = await sessions.createSession({ userId: 'ada' });
    expect(createdAt.getTime()).toBeLessThanOrEqual(Date.now());
  });

  test('without sessions in memory, the error says how to get them', async () => {
    const empty = await Test.createTestingModule({}).compile();
    for (const [app, name] of [
      [empty, undefined],
      [module, 'staff'],
    ] as const) {
      expect(() => SessionTestingLedger.of(app, name)).toThrow(
        /no session module named '(default|staff)'.*Import SessionTestingModule\.forRoot\(\)/s,
      );
    }
  });

  test.each(INVALID_AUDIT_CALLS)(
    'the audit rejects what the real one rejects: %s',
    async (_, call) => {
      await expect(call(ledger.audit)).rejects.toMatchObject({ code: 'ERR_SESSION_INPUT' });
    },
  );
});
