import { runChild } from './child.js';

/** Where a drain can be stopped, in their order. */
export const DRAIN_STEPS = [
  'before the transaction',
  'holding the lock',
  'after the records',
  'before the commit',
  'between commit and deletion',
  'after the deletion',
] as const;

export type DrainStep = (typeof DRAIN_STEPS)[number] | 'after the dead letter';

export interface DrainerOptions {
  redisUrl: string;
  databaseUrl: string;
  prefix: string;
  bucket: number;
  stopAt: DrainStep;
}

/** A process of its own that drains a bucket, stopped at a step. */
export interface StoppedDrainer {
  /** SIGKILL: nothing is finished, closed or said. */
  kill(): Promise<void>;
  /** Lets it go on, and gives its report, or what went wrong. */
  goOn(): Promise<unknown>;
}

/** Starts a drain and resolves when it has stopped at its step. */
export async function stoppedDrainer(options: DrainerOptions): Promise<StoppedDrainer> {
  const child = runChild('./drainer.ts', options);
  const said = await child.hear();
  if (said !== options.stopAt) {
    throw new Error(`It never came to '${options.stopAt}': ${JSON.stringify(said)}`);
  }
  return {
    kill: () => child.kill(),
    async goOn() {
      child.say('go on');
      const { report } = (await child.hear()) as { report: unknown };
      await child.ended();
      return report;
    },
  };
}
