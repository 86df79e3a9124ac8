import { SessionError, type SessionAudit, type SessionService } from 'nest-session-ledger';

import type { Answer, Operation, Value } from './protocol.js';

export interface Services {
  sessions: SessionService;
  audit: SessionAudit;
}

/** Performs an operation and returns its result or its error. */
export async function perform(services: Services, operation: Operation): Promise<Answer> {
  try {
    return { ok: true, value: await run(services, operation) };
  } catch (error) {
    const code = error instanceof SessionError ? error.code : 'UNKNOWN_ERROR';
    return { ok: false, code, message: String(error) };
  }
}

async function run({ sessions, audit }: Services, operation: Operation): Promise<Value> {
  switch (operation.op) {
    case 'create':
      return created(
        await sessions.createSession({
          userId: operation.userId,
          expires: operation.until ?? operation.lifetime,
          client: { ip: '192.0.2.1', userAgent: operation.marker },
        }),
      );
    case 'rotate':
      return created(await sessions.rotateSession(operation.id));
    case 'validate':
      return { live: (await sessions.validateSession(operation.id)) !== null };
    case 'find':
      return { live: (await sessions.getSession(operation.id)) !== null };
    case 'list': {
      const list = await sessions.listUserSessions(operation.userId);
      return { handles: list.map(({ handle }) => handle) };
    }
    case 'update':
      return done(sessions.updateSessionData(operation.id, operation.patch));
    case 'destroy':
      return done(sessions.destroySession(operation.id, { actor: operation.actor }));
    case 'destroyByHandle':
      return done(sessions.destroySessionByHandle(operation.handle, { actor: operation.actor }));
    case 'destroyAll': {
      const { actor, except, userId } = operation;
      return done(sessions.invalidateAllUserSessions(userId, { actor, ...(except && { except }) }));
    }
    case 'flush':
      return { report: await audit.flush() };
    case 'reconcile':
      return { report: await audit.reconcile() };
    case 'acceptLosses':
      return { report: await audit.reconcile({ acceptLosses: true }) };
    case 'adopt':
      return { report: await audit.adopt() };
  }
}

function created(session: { id: string; handle: string; createdAt: Date; expiresAt: Date }): Value {
  const { id, handle, createdAt, expiresAt } = session;
  return {
    created: { id, handle, createdAt: createdAt.getTime(), expiresAt: expiresAt.getTime() },
  };
}

async function done(call: Promise<void>): Promise<Value> {
  await call;
  return { done: true };
}
