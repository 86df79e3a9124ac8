import { MINUTE, SECOND } from '../../../../support/durations.js';
import { inMemory } from '../../../../support/use-contract.js';
import { Command } from '../command.js';
import type { Run } from '../run.js';
import type { SessionModel } from '../session-model.js';

/**
 * Lifetimes are whole minutes plus a half, and time passes in whole minutes plus a few seconds that
 * never add up to a half. So no expiry is close enough to depend on how long a run takes.
 */
export const HALF_A_MINUTE = MINUTE / 2;
const STEP = 3 * SECOND;
const MAX_STEPS = 3;

/** Minutes pass. */
export class LetTimePass extends Command {
  constructor(private readonly minutes: number) {
    super();
  }

  async run(_: SessionModel, run: Run): Promise<void> {
    await run.letPass(this.minutes * MINUTE);
  }
}

/** Seconds pass: requests arrive late and receipts expire, but no session ends. */
export class LetSecondsPass extends Command {
  async run(_: SessionModel, run: Run): Promise<void> {
    if (run.passed % MINUTE < MAX_STEPS * STEP) await run.letPass(STEP);
  }
}

/** The sweep ends the expired sessions of a bucket; in memory, those of all buckets at once. */
export class Sweep extends Command {
  constructor(
    private readonly process: number,
    private readonly bucket: number,
  ) {
    super();
  }

  async run(model: SessionModel, run: Run): Promise<void> {
    const bucket = this.bucket % model.rules.buckets;
    const { when } = await run.timed(() => run.process(this.process).sweep(bucket));
    const swept = inMemory ? [0, 1] : [bucket];
    for (const each of swept) model.sweep(each, when[0]);
  }
}
