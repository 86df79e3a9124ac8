import { MINUTE, SECOND } from '../../../../support/application.js';
import { Command } from '../command.js';
import type { Run } from '../run.js';
import type { SessionModel } from '../session-model.js';

/**
 * Sessions live for whole minutes and a half, and time passes in whole minutes and in moments
 * that don't add up to a half: so no end ever lies where it would matter how long a run takes.
 */
export const HALF_A_MINUTE = MINUTE / 2;
const MOMENT = 3 * SECOND;
const MOMENTS_PER_RUN = 3;

/** Minutes pass. */
export class LetTimePass extends Command {
  constructor(private readonly minutes: number) {
    super();
  }

  async run(_: SessionModel, run: Run): Promise<void> {
    await run.letPass(this.minutes * MINUTE);
  }
}

/** A moment passes: requests come late, receipts lapse, and no session ends. */
export class LetAMomentPass extends Command {
  async run(_: SessionModel, run: Run): Promise<void> {
    if (run.passed % MINUTE < MOMENTS_PER_RUN * MOMENT) await run.letPass(MOMENT);
  }
}

/** The job that ends the sessions whose time has come looks after a bucket. */
export class Sweep extends Command {
  constructor(
    private readonly process: number,
    private readonly bucket: number,
  ) {
    super();
  }

  async run(model: SessionModel, run: Run): Promise<void> {
    const bucket = this.bucket % model.rules.buckets;
    const { when } = await run.timed(() => run.process(this.process).upkeep.sweep(bucket));
    model.sweep(bucket, when[0]);
  }
}
