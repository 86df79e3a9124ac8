import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { childrenOf, isRunning, signal } from './process-table.js';
import { Watchdog } from './watchdog.js';

export interface Command {
  file: string;
  args: string[];
  env: NodeJS.ProcessEnv;
  cwd: string;
  logFile: string;
  user?: { uid: number; gid: number };
}

const STOP_TIMEOUT = 10_000;

/** A server process that never outlives this process, and that can be frozen, killed and restarted. */
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
      detached: true, // in its own group, so that Ctrl-C doesn't end it before we stop it
      stdio: ['ignore', log, log],
    });
    closeSync(log);
    if (child.pid !== undefined) this.#watchdog.guard([child.pid]);
    await once(child, 'spawn');
    this.#child = child;
    this.#ended = once(child, 'exit').then(() => this.#watchdog.guard([]));
    child.unref();
  }

  /** Freezes the server and its children, which would otherwise keep answering. */
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

  /** Ends the server and its children at once, like a power failure: nothing is flushed or closed. */
  async kill(): Promise<void> {
    if (!this.running) return;
    signal(this.pid, 'SIGSTOP');
    const family = [...childrenOf(this.pid), this.pid];
    for (const pid of family) signal(pid, 'SIGKILL');
    await this.#exit();
    // The next server can't open the data while a child still holds it.
    while (family.some(isRunning)) await delay(2);
    this.#paused = [];
  }

  async stop(): Promise<void> {
    this.resume();
    if (this.running) signal(this.pid, this.stopSignal);
    await Promise.race([this.#exit(), delay(STOP_TIMEOUT, undefined, { ref: false })]);
    await this.kill();
    await this.#watchdog.close();
  }

  async #exit(): Promise<void> {
    this.#child?.ref(); // otherwise Node could exit during the wait
    await this.#ended;
    this.#child?.unref();
  }
}
