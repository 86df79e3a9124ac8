import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';

import type { Answer, Call, Methods, Place } from './contender.js';

/** A contender at work in a process of its own. */
export interface Hired<T extends Methods> {
  call<M extends keyof T & string>(
    method: M,
    ...args: Parameters<T[M]>
  ): Promise<Awaited<ReturnType<T[M]>>>;
  dismiss(): Promise<void>;
}

/** Starts the contender of this file, and waits until it is ready. */
export async function hire<T extends Methods>(file: string, place: Place): Promise<Hired<T>> {
  const script = new URL('./contender-process.js', import.meta.url);
  const child = fork(script, [file, JSON.stringify(place)], { execArgv: execArgv(file) });
  const calls = new Calls(child);
  await calls.answerTo(0);
  return {
    call: (method, ...args) => calls.make(method, args) as never,
    dismiss: () => dismiss(child),
  };
}

/** `BENCH_NODE_OPTIONS='--cpu-prof' BENCH_PROFILE=validate-ours` profiles one contender. */
function execArgv(file: string): string[] {
  const { BENCH_PROFILE } = process.env;
  return BENCH_PROFILE === file ? ['--cpu-prof', `--cpu-prof-name=${file}.cpuprofile`] : [];
}

async function dismiss(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  child.disconnect();
  await once(child, 'exit');
}

class Calls {
  private last = 0;
  private readonly waiting = new Map<number, (answer: Answer) => void>();

  constructor(private readonly child: ChildProcess) {
    child.on('message', (answer: Answer) => this.waiting.get(answer.id)?.(answer));
    child.on('exit', (code) => this.failAll(`the process ended with ${code}`));
  }

  make(method: string, args: unknown[]): Promise<unknown> {
    const id = (this.last += 1);
    const answer = this.answerTo(id);
    this.child.send({ id, method, args } satisfies Call);
    return answer;
  }

  answerTo(id: number): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.waiting.set(id, ({ result, error }) => {
        this.waiting.delete(id);
        if (error === undefined) resolve(result);
        else reject(new Error(`A contender failed: ${error}`));
      });
    });
  }

  private failAll(error: string): void {
    for (const [id, settle] of this.waiting) settle({ id, error });
  }
}
