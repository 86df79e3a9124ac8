import { expect } from '@jest/globals';

import type { ClientDetails, Session } from '../../../../../src/session/session.js';
import { SessionError } from '../../../../../src/errors.js';
import type { JsonObject } from '../../../../../src/store/session-record.js';
import { Command, SessionCommand } from '../command.js';
import { expectWithin, type Run } from '../run.js';
import type { ModelSession, SessionModel } from '../session-model.js';

/** A user signs in. */
export class SignIn extends Command {
  constructor(
    private readonly process: number,
    private readonly userId: string,
    private readonly lifetime: number,
    private readonly client: Required<ClientDetails>,
    private readonly data: JsonObject,
  ) {
    super();
  }

  async run(model: SessionModel, run: Run): Promise<void> {
    const { userId, client, data } = this;
    const { service } = run.process(this.process);
    const { result, when } = await run.timed(() =>
      service
        .createSession({ userId, expires: this.lifetime, client, data })
        .catch((error: unknown) => error),
    );
    const evicted = model.evictedBySignIn(userId, when[0]);
    if (evicted === 'rejected') {
      expect(result).toMatchObject({ code: 'ERR_SESSION_LIMIT' });
      return;
    }
    const session = addSession(model, run, result, client, data);
    expectWithin(session.createdAt, when);
    expect(session.expiresAt - session.createdAt).toBe(this.lifetime);
    for (const each of evicted) {
      model.end(each, [session.createdAt, session.createdAt], 'evicted');
    }
  }
}

/** A session is rotated to a new ID. */
export class Rotate extends SessionCommand {
  constructor(
    private readonly process: number,
    session: number,
  ) {
    super(session);
  }

  async run(model: SessionModel, run: Run): Promise<void> {
    const old = this.sessionOf(model);
    const { service } = run.process(this.process);
    const { result, when } = await run.timed(() =>
      service.rotateSession(old.id).catch((error: unknown) => error),
    );
    if (!model.isAlive(old, when[0])) {
      expect(result).toMatchObject({ code: 'ERR_SESSION_NOT_FOUND' });
      return;
    }
    const { ip, userAgent, data } = old;
    const session = addSession(model, run, result, { ip, userAgent }, data);
    expectWithin(session.createdAt, when);
    expect(session.expiresAt).toBe(old.expiresAt);
    session.signedInAt = old.signedInAt;
    session.createdBy = 'rotated';
    model.end(old, [session.createdAt, session.createdAt], 'rotated');
  }
}

/** Adds the created session to the model; throws if the call failed. */
function addSession(
  model: SessionModel,
  run: Run,
  result: unknown,
  client: Required<ClientDetails>,
  data: JsonObject,
): ModelSession {
  if (result instanceof SessionError) throw result;
  const created = result as Session;
  const { id, handle, userId } = created;
  const createdAt = run.toRunTime(created.createdAt);
  const expiresAt = run.toRunTime(created.expiresAt);
  const session: ModelSession = {
    id,
    handle,
    bucket: Number.parseInt(handle.slice(0, 2), 16),
    userId,
    createdAt,
    signedInAt: createdAt,
    lastUsedAt: createdAt,
    expiresAt,
    idleExpiresAt: model.idleExpiryFrom(createdAt, expiresAt),
    ...client,
    data,
    createdBy: '',
    end: null,
  };
  model.sessions.push(session);
  return session;
}
