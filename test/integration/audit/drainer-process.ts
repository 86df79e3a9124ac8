import { startProgram } from '../../../dev/child-process.js';

/** The steps at which a drain can be stopped, in their order. */
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

/** The methods of the process. */
export interface DrainerMethods {
  /** Starts the drain; resolves when it has stopped at its step. */
  drainToStep(): Promise<void>;
  /** Resumes the drain; resolves with its report, or with the text of its error. */
  goOn(): Promise<unknown>;
}

/** A drainer in a process of its own, stopped at a step. */
export interface StoppedDrainer {
  /** SIGKILL: nothing is finished or closed. */
  kill(): Promise<void>;
  /** Resumes the drain, waits for the process to end, and returns the drain's report or error. */
  goOn(): Promise<unknown>;
}

/** Starts a drain and resolves when it has stopped at its step. */
export async function stoppedDrainer(options: DrainerOptions): Promise<StoppedDrainer> {
  const program = new URL('./drainer.ts', import.meta.url);
  const child = startProgram<DrainerMethods>(program, { args: [JSON.stringify(options)] });
  await child.call('drainToStep');
  return {
    kill: () => child.kill(),
    async goOn() {
      const report = await child.call('goOn');
      await child.ended;
      return report;
    },
  };
}
