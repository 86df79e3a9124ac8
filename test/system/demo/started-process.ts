import { spawn, type SpawnOptions } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';

const PATIENCE = 180_000;

/** How a process ended, and all it said. */
export interface Ending {
  code: number | null;
  signal: NodeJS.Signals | null;
  output: string;
}

/** A process in a group of its own, as a shell starts it. */
export interface StartedProcess {
  readonly pid: number;
  readonly output: string;
  readonly ended: Promise<Ending>;
  /** Waits until it has said something. */
  says(what: RegExp): Promise<RegExpExecArray>;
  /** To the whole group, as a terminal does it for Ctrl-C. */
  signal(name: NodeJS.Signals): void;
}

export function startProcess(
  file: string,
  args: string[],
  options: SpawnOptions = {},
): StartedProcess {
  const stdio: SpawnOptions['stdio'] = ['ignore', 'pipe', 'pipe'];
  const child = spawn(file, args, { ...options, stdio, detached: true });
  const pid = child.pid!;
  let output = '';
  for (const stream of [child.stdout!, child.stderr!]) {
    stream.setEncoding('utf8').on('data', (text: string) => (output += text));
  }
  let isOver = false;
  const ended = new Promise<Ending>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => {
      isOver = true;
      resolve({ code, signal, output });
    });
  });
  return {
    pid,
    ended,
    get output() {
      return output;
    },
    signal: (name) => {
      if (!isOver) process.kill(-pid, name);
    },
    async says(what) {
      const deadline = Date.now() + PATIENCE;
      for (;;) {
        const match = what.exec(output);
        if (match) return match;
        if (isOver || Date.now() > deadline) {
          throw new Error(`It ${isOver ? 'ended' : 'took too long'}, and said:\n${output}`);
        }
        await delay(20);
      }
    },
  };
}
