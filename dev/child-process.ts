import { type ChildProcess, spawn, type StdioOptions } from 'node:child_process';
import type { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type Answer, type Call, type Methods, PendingCalls, READY } from './child-calls.js';
import { signal } from './process-table.js';
import { Watchdog } from './watchdog.js';

/** How a process ended, and what it had printed by then. */
export interface Ending {
  code: number | null;
  signal: NodeJS.Signals | null;
  output: string;
}

export interface ChildOptions {
  args?: string[];
  cwd?: string;
  env?: NodeJS.ProcessEnv;
  /** Keep standard output and error in `output` (the default), or pass them on to this process's. */
  output?: 'capture' | 'inherit';
  /** Limit for each wait for an answer or for output (ms). Default: 60,000. `Infinity`: no limit. */
  timeout?: number;
}

export interface ProgramOptions extends ChildOptions {
  /** Flags of `node` itself. */
  nodeOptions?: string[];
}

/** The process ended, or could not be started, before it answered. */
export class ChildEndedError extends Error {}

/** Only a source tree has TypeScript programs and this module; the build has neither. */
const TYPESCRIPT = new URL('./typescript.mjs', import.meta.url).href;
const DEFAULT_TIMEOUT = 60_000;
const STOP_TIMEOUT = 10_000;
/** The longest timer that Node can set (ms): 24 days. */
const MAX_TIMEOUT = 2 ** 31 - 1;
/** How many captured characters to keep: the last ones. */
const MAX_OUTPUT = 1_000_000;

/**
 * Runs a Node program, in JavaScript or TypeScript, in a separate process. The program passes the
 * methods of `T` to `serveCalls()`, and the parent calls them with `call()`.
 */
export function startProgram<T extends Methods<T>>(
  program: URL,
  { nodeOptions = [], args = [], ...options }: ProgramOptions = {},
): Child<T> {
  const file = fileURLToPath(program);
  const flags = file.endsWith('.ts') ? [...nodeOptions, '--import', TYPESCRIPT] : nodeOptions;
  return new Child(process.execPath, [...flags, file, ...args], options, 'program');
}

/** Runs a command in a separate process group, as a shell does. It has no methods to call. */
export function startCommand(
  file: string,
  args: string[],
  options: Omit<ChildOptions, 'args'> = {},
): Child {
  return new Child(file, args, options, 'command');
}

/**
 * A child process. It never outlives this process, not even if this one is killed. Nor does it keep
 * this process alive: only the methods below do, while they wait for it.
 */
export class Child<T extends Methods<T> = Record<never, never>> {
  /** Resolves when the process has ended and all its output has arrived. */
  readonly ended: Promise<Ending>;
  readonly #child: ChildProcess;
  readonly #watchdog = new Watchdog('SIGTERM', undefined);
  readonly #timeout: number;
  readonly #isGroup: boolean;
  readonly #calls = new PendingCalls();
  readonly #ready: Promise<unknown>;
  #output = '';
  /** Whether all its output has arrived, which can be shortly after it has stopped running. */
  #isOver = false;
  #lastCall = READY;

  /** @internal Use `startProgram()` or `startCommand()`. */
  constructor(file: string, args: string[], options: ChildOptions, kind: 'program' | 'command') {
    const { cwd, env, output = 'capture', timeout = DEFAULT_TIMEOUT } = options;
    const out = output === 'capture' ? 'pipe' : 'inherit';
    this.#timeout = Math.min(timeout, MAX_TIMEOUT);
    this.#isGroup = kind === 'command';
    const stdio: StdioOptions = ['ignore', out, out, ...(this.#isGroup ? [] : ['ipc' as const])];
    this.#child = spawn(file, args, { cwd, env, stdio, detached: this.#isGroup });
    if (this.#child.pid) this.#watchdog.guard([this.#target]);
    this.#child.once('exit', () => this.#watchdog.guard([]));
    this.#child.on('message', (answer: Answer) => this.#calls.settle(answer));
    this.#child.unref();
    this.#child.channel?.unref();
    this.#capture();
    this.ended = this.#untilEnded();
    this.#ready = this.#calls.add(READY);
    this.#ready.catch(() => {}); // reported by ready(), if anything calls it
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get running(): boolean {
    const { pid, exitCode, signalCode } = this.#child;
    return pid !== undefined && exitCode === null && signalCode === null;
  }

  /** What it has printed so far, if its output is captured. */
  get output(): string {
    return this.#output;
  }

  /** Waits until the program is ready for calls. */
  async ready(): Promise<void> {
    await this.#inTime(this.#ready, 'become ready');
  }

  /**
   * Calls a method of the program. Rejects with what the method threw, or with `ChildEndedError` if
   * the process ends first.
   */
  call<M extends keyof T & string>(
    method: M,
    ...args: Parameters<T[M]>
  ): Promise<Awaited<ReturnType<T[M]>>> {
    if (!this.#child.connected) return Promise.reject(this.#endedError());
    const id = (this.#lastCall += 1);
    const answer = this.#calls.add(id);
    // Without a callback, a channel that has just broken would emit an unhandled error.
    this.#child.send({ id, method, args } satisfies Call, () => {});
    return this.#inTime(answer, `answer ${method}()`) as never;
  }

  /** Waits until the captured output matches. */
  async waitForOutput(pattern: RegExp): Promise<RegExpExecArray> {
    const deadline = performance.now() + this.#timeout;
    for (;;) {
      const match = pattern.exec(this.#output);
      if (match) return match;
      if (this.#isOver) throw this.#endedError();
      if (performance.now() > deadline) throw this.#timeoutError(`print ${pattern}`, this.#timeout);
      await delay(20);
    }
  }

  /** Signals the process; a command's whole group, as a terminal does for Ctrl-C. */
  signal(name: NodeJS.Signals): void {
    if (this.running) signal(this.#target, name);
  }

  /** SIGKILL: nothing is finished, flushed or closed. Resolves when the process is gone. */
  async kill(): Promise<void> {
    this.signal('SIGKILL');
    await this.#inTime(this.ended, 'end', STOP_TIMEOUT);
  }

  /** SIGTERM. Kills the process and returns false if it has not ended after `timeout` ms. */
  async stop(timeout = STOP_TIMEOUT): Promise<boolean> {
    this.signal('SIGTERM');
    const over = new AbortController();
    const late = delay(timeout, false, { signal: over.signal });
    const inTime = await Promise.race([this.ended.then(() => true), late]);
    over.abort();
    if (!inTime) await this.kill();
    return inTime;
  }

  /** A negative ID names a process group. */
  get #target(): number {
    return this.#isGroup ? -this.pid : this.pid;
  }

  #capture(): void {
    for (const stream of [this.#child.stdout, this.#child.stderr] as (Socket | null)[]) {
      stream?.unref();
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.#output = (this.#output + text).slice(-MAX_OUTPUT);
      });
    }
  }

  #untilEnded(): Promise<Ending> {
    return new Promise((resolve) => {
      const end = (code: number | null, by: NodeJS.Signals | null) => {
        this.#isOver = true;
        this.#calls.rejectAll(this.#endedError());
        void this.#watchdog.close();
        resolve({ code, signal: by, output: this.#output });
      };
      this.#child.once('close', end);
      this.#child.once('error', (error) => {
        if (this.#child.pid !== undefined) return;
        this.#output += String(error); // it could not be started
        end(null, null);
      });
    });
  }

  async #inTime<V>(work: Promise<V>, what: string, timeout = this.#timeout): Promise<V> {
    const over = new AbortController();
    const late = delay(timeout, undefined, { signal: over.signal }).then(() => {
      throw this.#timeoutError(what, timeout);
    });
    try {
      return await Promise.race([work, late]);
    } finally {
      over.abort();
    }
  }

  #endedError(): ChildEndedError {
    const how = this.#child.signalCode ?? `code ${this.#child.exitCode}`;
    const what = this.running ? 'no longer serves calls' : `ended (${how})`;
    return new ChildEndedError(`${this.#name} ${what}.${this.#shownOutput}`);
  }

  #timeoutError(what: string, timeout: number): Error {
    return new Error(`${this.#name} did not ${what} within ${timeout} ms.${this.#shownOutput}`);
  }

  get #name(): string {
    return `Process ${this.pid} (${this.#child.spawnargs.join(' ')})`;
  }

  get #shownOutput(): string {
    return this.#output === '' ? '' : ` Its output:\n${this.#output}`;
  }
}
