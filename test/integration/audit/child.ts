import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** A process of its own that runs a program of the tests. */
export interface Child {
  /** What it says next. */
  hear(): Promise<unknown>;
  say(word: unknown): void;
  /** SIGKILL: nothing is finished, closed or said. */
  kill(): Promise<void>;
  /** Resolves once it has ended by itself; with the exit code. */
  ended(): Promise<number | null>;
}

/** Runs a TypeScript program beside this file, with its options as JSON in `argv`. */
export function runChild(file: string, options: unknown, nodeOptions: string[] = []): Child {
  const program = fileURLToPath(new URL(file, import.meta.url));
  const loader = new URL('../../support/typescript.mjs', import.meta.url).href;
  const child = fork(program, [JSON.stringify(options)], {
    execArgv: [...nodeOptions, '--import', loader],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const gone = once(child, 'exit');
  const heard: unknown[] = [];
  child.on('message', (word) => heard.push(word));

  return {
    async hear() {
      while (heard.length === 0) {
        const [code, signal] = await Promise.race([once(child, 'message').then(() => []), gone]);
        if (heard.length === 0) throw new Error(`${file} ended early: ${signal ?? code}`);
      }
      return heard.shift();
    },
    say: (word) => void child.send(word as string),
    async kill() {
      child.kill('SIGKILL');
      await gone;
    },
    async ended() {
      const [code] = await gone;
      return code as number | null;
    },
  };
}
