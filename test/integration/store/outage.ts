import { expect } from '@jest/globals';

import type { Session } from '../../../src/session/session.js';
import type { Application } from '../../support/application.js';
import { eventually } from '../../support/eventually.js';

/** The timeout of these applications, which is the default (ms). */
export const TIMEOUT = 500;
/** How much later a call may return on a busy machine (ms). */
const DELAY = 4000;

/** Every operation on the user's live session. */
export function everyOperation({ service, upkeep }: Application, { id, handle, userId }: Session) {
  return {
    createSession: () => service.createSession({ userId }),
    validateSession: () => service.validateSession(id),
    findValidSession: () => service.findValidSession(id),
    getSession: () => service.getSession(id),
    listUserSessions: () => service.listUserSessions(userId),
    rotateSession: () => service.rotateSession(id),
    updateSessionData: () => service.updateSessionData(id, { a: 1 }),
    destroySession: () => service.destroySession(id),
    destroySessionByHandle: () => service.destroySessionByHandle(handle),
    invalidateAllUserSessions: () => service.invalidateAllUserSessions(userId),
    sweep: () => upkeep.sweep(Number.parseInt(handle.slice(0, 2), 16)),
  };
}

/** Expects every operation to fail as unavailable, and none to hang. */
export async function expectUnavailable(app: Application, session: Session): Promise<void> {
  const start = performance.now();
  const calls = Object.entries(everyOperation(app, session)).map(async ([name, call]) => {
    const outcome = await call().then(
      () => 'an answer',
      (error: { code: string }) => error.code,
    );
    return [name, outcome, performance.now() - start < TIMEOUT + DELAY];
  });
  const expected = Object.keys(everyOperation(app, session)).map((name) => [
    name,
    'ERR_SESSION_REDIS_UNAVAILABLE',
    true,
  ]);
  expect(await Promise.all(calls)).toEqual(expected);
}

/** Expects every operation to work again, without restarting the application. */
export async function expectFullService(app: Application, session: Session): Promise<void> {
  const { service } = app;
  const { id, userId } = session;
  await eventually(async () => {
    expect(await service.validateSession(id)).toEqual({ id: userId });
  });
  const another = await service.createSession({ userId });
  const rotated = await service.rotateSession(another.id);
  await service.updateSessionData(rotated.id, { a: 1 });
  expect((await service.getSession(rotated.id))!.data).toEqual({ a: 1 });
  await service.destroySessionByHandle(rotated.handle);
  expect(await service.validateSession(rotated.id)).toBeNull();
  await service.invalidateAllUserSessions(userId, { except: id });
  expect(await service.listUserSessions(userId)).toMatchObject([{ handle: session.handle }]);
}
