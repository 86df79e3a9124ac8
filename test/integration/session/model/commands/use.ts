import { expect } from '@jest/globals';

import type { JsonValue } from '../../../../../src/store/session-record.js';
import { Command, SessionCommand } from '../command.js';
import { detailsOf } from '../expectations.js';
import { expectWithin, type Run } from '../run.js';
import type { ModelSession, SessionModel, Span } from '../session-model.js';

/** A request uses the session. */
export class Validate extends SessionCommand {
  constructor(
    private readonly process: number,
    session: number,
  ) {
    super(session);
  }

  async run(model: SessionModel, run: Run): Promise<void> {
    const session = this.sessionOf(model);
    const { service } = run.process(this.process);
    const { result, when } = await run.timed(() => service.validateSession(session.id));
    expect(result).toEqual(model.isAlive(session, when[0]) ? { id: session.userId } : null);
    await recordUse(model, run, session, when);
  }
}

/** The details of a session are read, which does not count as using it. */
export class GetDetails extends SessionCommand {
  async run(model: SessionModel, run: Run): Promise<void> {
    const session = this.sessionOf(model);
    const { result, when } = await run.timed(() => run.process(0).service.getSession(session.id));
    expect(result).toEqual(model.isAlive(session, when[0]) ? detailsOf(session, run) : null);
  }
}

/** A user's sessions are listed. */
export class List extends Command {
  constructor(private readonly userId: string) {
    super();
  }

  async run(model: SessionModel, run: Run): Promise<void> {
    const { service } = run.process(0);
    const { result, when } = await run.timed(() => service.listUserSessions(this.userId));
    const expected = model.aliveOf(this.userId, when[0]).map((session) => detailsOf(session, run));
    expect(result).toHaveLength(expected.length);
    expect(result).toEqual(expect.arrayContaining(expected));
  }
}

/** The session's data is changed. */
export class UpdateData extends SessionCommand {
  constructor(
    private readonly process: number,
    session: number,
    private readonly patch: { [name: string]: JsonValue | undefined },
  ) {
    super(session);
  }

  async run(model: SessionModel, run: Run): Promise<void> {
    const session = this.sessionOf(model);
    const { service } = run.process(this.process);
    const { result, when } = await run.timed(() =>
      service.updateSessionData(session.id, this.patch).catch((error: unknown) => error),
    );
    if (!model.isAlive(session, when[0])) {
      expect(result).toMatchObject({ code: 'ERR_SESSION_NOT_FOUND' });
      return;
    }
    expect(result).toBeUndefined();
    model.merge(session, this.patch);
  }
}

/** A use extends the idle expiry if the last recorded use is at least a tenth of the timeout ago. */
export async function recordUse(
  model: SessionModel,
  run: Run,
  session: ModelSession,
  when: Span,
): Promise<void> {
  const { idleTimeout } = model.rules;
  if (idleTimeout === 0 || !model.isAlive(session, when[0])) return;
  const details = await run.process(0).service.getSession(session.id);
  const lastUsedAt = run.toRunTime(details!.lastUsedAt);
  const isDue = (now: number) => now - session.lastUsedAt >= idleTimeout / 10;
  if (lastUsedAt === session.lastUsedAt) {
    expect(isDue(when[0])).toBe(false);
    return;
  }
  expect(isDue(when[1])).toBe(true);
  expectWithin(lastUsedAt, when);
  session.lastUsedAt = lastUsedAt;
  session.idleExpiresAt = model.idleExpiryFrom(lastUsedAt, session.expiresAt);
}
