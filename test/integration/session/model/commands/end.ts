import type { SessionEnd } from '../../../../../src/session/session.js';
import { Command, SessionCommand } from '../command.js';
import type { Run } from '../run.js';
import type { SessionModel } from '../session-model.js';

/** A user signs out. */
export class SignOut extends SessionCommand {
  constructor(
    private readonly process: number,
    session: number,
  ) {
    super(session);
  }

  async run(model: SessionModel, run: Run): Promise<void> {
    const session = this.sessionOf(model);
    const { service } = run.process(this.process);
    const { when } = await run.timed(() => service.destroySession(session.id));
    if (model.isAlive(session, when[0])) model.end(session, when, 'logout');
  }
}

/** An administrator ends a session by its handle. */
export class Revoke extends SessionCommand {
  constructor(
    private readonly process: number,
    session: number,
    private readonly by: Required<SessionEnd>,
  ) {
    super(session);
  }

  async run(model: SessionModel, run: Run): Promise<void> {
    const session = this.sessionOf(model);
    const { service } = run.process(this.process);
    const { when } = await run.timed(() => service.destroySessionByHandle(session.handle, this.by));
    if (!model.isAlive(session, when[0])) return;
    model.end(session, when, this.by.reason, this.by.actor);
  }
}

/** A user logs out everywhere, possibly sparing one session. */
export class LogOutEverywhere extends Command {
  constructor(
    private readonly process: number,
    private readonly userId: string,
    /** Which session to spare: one of any user, or none. */
    private readonly except: number | null,
  ) {
    super();
  }

  async run(model: SessionModel, run: Run): Promise<void> {
    const { sessions } = model;
    const spared = this.except === null ? undefined : sessions[this.except % sessions.length];
    const { service } = run.process(this.process);
    const { when } = await run.timed(() =>
      service.invalidateAllUserSessions(this.userId, { except: spared?.id }),
    );
    model.endAll(this.userId, when, when[1], spared?.handle ?? '', {
      reason: 'revoked',
      actor: '',
    });
  }
}
