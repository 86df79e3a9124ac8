import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

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

const here = (file: string) => fileURLToPath(new URL(file, import.meta.url));

/** Starts a drain and resolves when it has stopped at its step. */
export async function stoppedDrainer(options: DrainerOptions): Promise<StoppedDrainer> {
  const child = fork(here('./drainer.ts'), [JSON.stringify(options)], {
    execArgv: ['--import', new URL('../support/typescript.mjs', import.meta.url).href],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const said = await nextWord(child);
  if (said !== options.stopAt)
    throw new Error(`It never came to '${options.stopAt}': ${JSON.stringify(said)}`);
  return {
    async kill() {
      const gone = once(child, 'exit');
      child.kill('SIGKILL');
      await gone;
    },
    async goOn() {
      const gone = once(child, 'exit');
      const answer = nextWord(child);
      child.send('go on');
      const { report } = (await answer) as { report: unknown };
      await gone;
      return report;
    },
  };
}

function nextWord(child: ChildProcess): Promise<unknown> {
  return new Promise((resolve, reject) => {
    child.once('message', resolve);
    child.once('exit', (code, signal) =>
      reject(new Error(`The drainer ended early: ${signal ?? code}`)),
    );
  });
}
