import { expect } from '@jest/globals';

import type { Session } from '../../../src/session/session.js';
import type { Application } from '../../support/application.js';
import { eventually } from '../../support/eventually.js';

/** What an application has set, or the default: ms that a call waits for Redis. */
export const BOUND = 500;
/** How late the end of a call may be noticed on a busy machine; a hang takes for ever. */
const LATE = 4000;

/** Every operation, with the user's live session as what it concerns. */
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

/** Every operation fails with the error of an unreachable Redis, and none of them hangs. */
export async function expectUnavailable(app: Application, session: Session): Promise<void> {
  const begun = performance.now();
  const calls = Object.entries(everyOperation(app, session)).map(async ([name, call]) => {
    const outcome = await call().then(
      () => 'an answer',
      (error: { code: string }) => error.code,
    );
    return [name, outcome, performance.now() - begun < BOUND + LATE];
  });
  const expected = Object.keys(everyOperation(app, session)).map((name) => [
    name,
    'ERR_SESSION_REDIS_UNAVAILABLE',
    true,
  ]);
  expect(await Promise.all(calls)).toEqual(expected);
}

/** The same application, not started anew, does all that it did before. */
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
