import { startProgram } from '../../../dev/child-process.js';
import type { Trail } from '../../support/trail.js';
import type { LedgerFixture } from '../../support/use-ledger.js';

/** The steps at which a drain can be stopped, in order. */
export const DRAIN_STEPS = [
  'before the transaction',
  'while it holds the lock',
  'after it inserted the records',
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
  resume(): Promise<unknown>;
}

/** A drainer in a separate process, stopped at a step. */
export interface StoppedDrainer {
  /** SIGKILL: nothing is finished or closed. */
  kill(): Promise<void>;
  /** Resumes the drain, waits for the process to end, and returns the drain's report or error. */
  resume(): Promise<unknown>;
}

/** Starts a drain of bucket 0 in a separate process; resolves once it has stopped at the step. */
export async function drainUntil(
  stopAt: DrainStep,
  { databaseUrl, prefix }: Trail,
  { redis }: LedgerFixture,
): Promise<StoppedDrainer> {
  const redisUrl = redis.servers[0]!.url;
  const options: DrainerOptions = { redisUrl, databaseUrl, prefix, bucket: 0, stopAt };
  const program = new URL('./drainer.ts', import.meta.url);
  const child = startProgram<DrainerMethods>(program, { args: [JSON.stringify(options)] });
  await child.call('drainToStep');
  return {
    kill: () => child.kill(),
    async resume() {
      const report = await child.call('resume');
      await child.ended;
      return report;
    },
  };
}
