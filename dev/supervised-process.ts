import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { childrenOf, isRunning, signal } from './process-family.js';
import { Watchdog } from './watchdog.js';

export interface Command {
  file: string;
  args: string[];
  env: NodeJS.ProcessEnv;
  cwd: string;
  logFile: string;
  user?: { uid: number; gid: number };
}

const STOP_PATIENCE_MS = 10_000;

/** A server process that never outlives this one, and that can be frozen, killed and run again. */
export class SupervisedProcess {
  readonly #watchdog: Watchdog;
  #child: ChildProcess | undefined;
  #ended: Promise<unknown> = Promise.resolve();
  #paused: number[] = [];

  constructor(
    private readonly stopSignal: NodeJS.Signals,
    folderToRemove: string | undefined,
  ) {
    this.#watchdog = new Watchdog(stopSignal, folderToRemove);
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  get running(): boolean {
    return this.#child?.exitCode === null && this.#child.signalCode === null;
  }

  async start(command: Command): Promise<void> {
    const log = openSync(command.logFile, 'a');
    const child = spawn(command.file, command.args, {
      cwd: command.cwd,
      env: command.env,
      ...command.user,
      detached: true, // a group of its own: Ctrl-C must not reach it before our orderly stop
      stdio: ['ignore', log, log],
    });
    closeSync(log);
    if (child.pid !== undefined) this.#watchdog.guard([child.pid]);
    await once(child, 'spawn');
    this.#child = child;
    this.#ended = once(child, 'exit').then(() => this.#watchdog.guard([]));
    child.unref();
  }

  /** Freezes the server together with its children, which would otherwise go on answering. */
  pause(): void {
    if (!this.running) return;
    signal(this.pid, 'SIGSTOP'); // first, so that it forks no more children
    this.#paused = childrenOf(this.pid);
    for (const pid of this.#paused) signal(pid, 'SIGSTOP');
    this.#watchdog.guard([this.pid, ...this.#paused]);
  }

  resume(): void {
    if (!this.running) return;
    for (const pid of [...this.#paused, this.pid]) signal(pid, 'SIGCONT');
    this.#paused = [];
    this.#watchdog.guard([this.pid]);
  }

  /** As a power cut would: the server and its children at once, nothing is flushed or closed. */
  async kill(): Promise<void> {
    if (!this.running) return;
    signal(this.pid, 'SIGSTOP');
    const family = [...childrenOf(this.pid), this.pid];
    for (const pid of family) signal(pid, 'SIGKILL');
    await this.#exit();
    // Data that one of the children still holds cannot be opened again by the next server.
    while (family.some(isRunning)) await delay(2);
    this.#paused = [];
  }

  async stop(): Promise<void> {
    this.resume();
    if (this.running) signal(this.pid, this.stopSignal);
    await Promise.race([this.#exit(), delay(STOP_PATIENCE_MS, undefined, { ref: false })]);
    await this.kill();
    await this.#watchdog.close();
  }

  async #exit(): Promise<void> {
    this.#child?.ref(); // else Node may end while it waits
    await this.#ended;
    this.#child?.unref();
  }
}
