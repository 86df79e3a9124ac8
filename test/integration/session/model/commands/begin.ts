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
    const room = model.roomFor(userId, when[0]);
    if (room === 'refused') {
      expect(result).toMatchObject({ code: 'ERR_SESSION_LIMIT' });
      return;
    }
    const session = noteBeginning(model, run, result, client, data);
    expectWithin(session.createdAt, when);
    expect(session.expiresAt - session.createdAt).toBe(this.lifetime);
    for (const evicted of room) {
      model.end(evicted, [session.createdAt, session.createdAt], 'evicted');
    }
  }
}

/** A session gets a new ID. */
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
    const session = noteBeginning(model, run, result, { ip, userAgent }, data);
    expectWithin(session.createdAt, when);
    expect(session.expiresAt).toBe(old.expiresAt);
    session.signedInAt = old.signedInAt;
    session.begunBy = 'rotated';
    model.end(old, [session.createdAt, session.createdAt], 'rotated');
  }
}

function noteBeginning(
  model: SessionModel,
  run: Run,
  result: unknown,
  client: Required<ClientDetails>,
  data: JsonObject,
): ModelSession {
  if (result instanceof SessionError) throw result;
  const { id, handle, userId, createdAt, expiresAt: expires } = result as Session;
  const begun = run.undisturbed(createdAt);
  const expiresAt = run.undisturbed(expires);
  const session: ModelSession = {
    id,
    handle,
    bucket: Number.parseInt(handle.slice(0, 2), 16),
    userId,
    createdAt: begun,
    signedInAt: begun,
    lastUsedAt: begun,
    expiresAt,
    ends: model.endByIdleTimeout(begun, expiresAt),
    ...client,
    data,
    begunBy: '',
    end: null,
  };
  model.sessions.push(session);
  return session;
}
