import type * as fc from 'fast-check';

import type { Run } from './run.js';
import type { ModelSession, SessionModel } from './session-model.js';

/** A step of a run: does the same to the model and to the real store, and compares the results. */
export abstract class Command implements fc.AsyncCommand<SessionModel, Run> {
  check(model: Readonly<SessionModel>): boolean {
    return this.needsSession ? model.sessions.length > 0 : true;
  }

  abstract run(model: SessionModel, run: Run): Promise<void>;

  /** How a failing sequence is printed. */
  toString(): string {
    return `${this.constructor.name}(${JSON.stringify({ ...this }).slice(1, -1)})`;
  }

  protected get needsSession(): boolean {
    return false;
  }
}

/** A step on one of the sessions created so far, live or ended. */
export abstract class SessionCommand extends Command {
  constructor(private readonly session: number) {
    super();
  }

  protected override get needsSession(): boolean {
    return true;
  }

  protected sessionOf(model: SessionModel): ModelSession {
    return model.sessions[this.session % model.sessions.length]!;
  }
}
