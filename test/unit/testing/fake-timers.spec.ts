import { Test, type TestingModule } from '@nestjs/testing';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';

import { SessionService, type SessionModuleOptions } from '../../../src/index.js';
import { SessionTestingLedger, SessionTestingModule } from '../../../src/testing/index.js';

const MINUTE = 60_000;
const START = new Date('2026-11-24T09:00:00Z');

describe('SessionTestingModule under fake timers', () => {
  let module: TestingModule;
  let sessions: SessionService;
  let ledger: SessionTestingLedger;

  const start = async (options: Partial<SessionModuleOptions> = {}) => {
    const imports = [SessionTestingModule.forRoot(options)];
    module = await Test.createTestingModule({ imports }).compile();
    sessions = module.get<SessionService>(SessionService);
    ledger = SessionTestingLedger.of(module);
  };
  beforeEach(() => {
    // Everything is faked: timers, setImmediate, nextTick and performance.
    jest.useFakeTimers({ now: START });
  });
  afterEach(async () => {
    await module.close();
    jest.useRealTimers();
  });

  test('a session begins at the time of the fake clock', async () => {
    await start();
    const { createdAt, expiresAt } = await sessions.createSession({ userId: 'ada' });
    expect(createdAt).toEqual(START);
    expect(expiresAt).toEqual(new Date('2026-11-24T21:00:00Z'));
  });

  test('a session that would expire at this very moment is rejected, as one in the past', async () => {
    await start();
    const rejection = { code: 'ERR_SESSION_EXPIRES' };
    await expect(sessions.createSession({ userId: 'ada', expires: START })).rejects.toMatchObject(
      rejection,
    );
    const next = new Date(START.getTime() + 1);
    await expect(sessions.createSession({ userId: 'ada', expires: next })).resolves.toBeDefined();
  });

  test('a session expires at its absolute expiry, to the millisecond', async () => {
    await start();
    const { id, handle } = await sessions.createSession({ userId: 'ada', expires: 10 * MINUTE });
    jest.advanceTimersByTime(10 * MINUTE - 1);
    expect(await sessions.validateSession(id)).toEqual({ id: 'ada' });
    jest.advanceTimersByTime(1);
    expect(await sessions.validateSession(id)).toBeNull();
    expect(await sessions.listUserSessions('ada')).toEqual([]);
    expect(ledger.events.at(-1)).toMatchObject({ event: 'destroyed', handle, reason: 'expired' });
  });

  test('an unused session ends at the idle timeout, and a used one lives on', async () => {
    await start({ idleTimeout: '30m' });
    const used = await sessions.createSession({ userId: 'ada' });
    const unused = await sessions.createSession({ userId: 'ada' });
    jest.advanceTimersByTime(20 * MINUTE);
    await sessions.validateSession(used.id);
    jest.advanceTimersByTime(20 * MINUTE);
    expect(await sessions.validateSession(unused.id)).toBeNull();
    expect(await sessions.validateSession(used.id)).toEqual({ id: 'ada' });
    expect(ledger.sessions).toMatchObject([
      { handle: used.handle, endReason: null },
      { endReason: 'expired', endedAt: new Date(START.getTime() + 30 * MINUTE) },
    ]);
  });

  test('a sign-in stops being fresh', async () => {
    await start();
    const { id } = await sessions.createSession({ userId: 'ada' });
    const session = (await sessions.getSession(id))!;
    jest.advanceTimersByTime(10 * MINUTE);
    expect(await sessions.isFresh(session, 10 * MINUTE)).toBe(true);
    jest.advanceTimersByTime(1);
    expect(await sessions.isFresh(session, 10 * MINUTE)).toBe(false);
  });

  test('while the clock stands still, sessions keep the order in which they were created', async () => {
    await start({ maxSessionsPerUser: 3 });
    const created = [];
    for (let n = 0; n < 5; n++) created.push(await sessions.createSession({ userId: 'ada' }));
    const [first, second, ...left] = created.map(({ handle }) => handle);
    const listed = await sessions.listUserSessions('ada');
    expect(listed.map(({ handle }) => handle)).toEqual(left.toReversed());
    const evicted = ledger.sessions.filter(({ endReason }) => endReason === 'evicted');
    expect(evicted.map(({ handle }) => handle)).toEqual([first, second]);
  });

  test('every operation resolves without advancing the timers', async () => {
    await start({ idleTimeout: '30m', maxSessionsPerUser: 2 });
    const { id, handle } = await sessions.createSession({ userId: 'ada' });
    jest.advanceTimersByTime(MINUTE);
    await sessions.updateSessionData(id, { cart: ['a'] });
    expect(await sessions.findValidSession(id)).toMatchObject({ session: { handle } });
    const rotated = await sessions.rotateSession(id);
    expect(await sessions.getSession(rotated.id)).toMatchObject({ data: { cart: ['a'] } });
    await sessions.destroySessionByHandle(rotated.handle);
    await sessions.invalidateAllUserSessions('ada');
    expect(jest.getTimerCount()).toBe(0);
  });
});
