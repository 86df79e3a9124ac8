import { mkdirSync, mkdtempSync, readFileSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { freePort } from './free-port.js';
import { type Command, SupervisedProcess } from './supervised-process.js';

export interface PrivateServer {
  readonly url: string;
  readonly port: number;
  /** Where its files are: `data`, and a log. Temporary unless `dir` was given. */
  readonly folder: string;
  /** The current server process; `restart()` changes it. */
  readonly pid: number;
  /** Shuts the server down and removes its temporary folder. Can be called again. */
  stop(): Promise<void>;
  /** SIGKILL. Keeps the data. Resolves when the process is gone. */
  kill(): Promise<void>;
  /** Starts it with the same data and port, and kills it first if it is running. Resolves when it answers. */
  restart(): Promise<void>;
  /** SIGSTOP: connections stay open and nothing answers. */
  pause(): void;
  /** SIGCONT */
  resume(): void;
}

/** What differs between Redis and Postgres. */
export interface ServerKind {
  name: string;
  stopSignal: NodeJS.Signals;
  url(port: number): string;
  /** Prepares the folder. Returns the command that runs the server in it. */
  command(port: number, folder: string): Promise<Command>;
  /** Whether the server on this port answers, and is this process. */
  isReady(pid: number, port: number, folder: string): Promise<boolean>;
  /** Cleans up what a killed server leaves behind. */
  afterKill?(folder: string): Promise<void>;
}

export interface ServerLocation {
  /** Keep the data in this folder. Default: a temporary folder that is removed with the server. */
  dir?: string;
  /** Default: a free one. */
  port?: number;
}

const START_TIMEOUT = 30_000;
/** How long a server may wait for its predecessor to release port and folder; more than a watchdog takes (ms). */
const PREDECESSOR_TIMEOUT = 3_000;
const TAKEN = /address already in use|already exists|already runs|pre-existing shared memory/i;

export async function startServer(
  kind: ServerKind,
  location: ServerLocation,
): Promise<PrivateServer> {
  if (process.platform === 'win32') {
    throw new Error(`A private ${kind.name} needs Linux or macOS; on Windows use WSL.`);
  }
  const folder = location.dir
    ? resolve(location.dir)
    : mkdtempSync(join(tmpdir(), folderPrefix(kind)));
  mkdirSync(folder, { recursive: true });
  const supervised = new SupervisedProcess(kind.stopSignal, location.dir ? undefined : folder);
  try {
    return await firstStart(kind, location, folder, supervised);
  } catch (error) {
    await supervised.stop();
    throw error;
  }
}

function folderPrefix(kind: ServerKind): string {
  return `nest-session-ledger-${kind.name.toLowerCase()}-`;
}

// Tries again because another process may take a free port before the server binds it, and because a
// server whose starter has just been killed may still hold a kept folder or a fixed port.
async function firstStart(
  kind: ServerKind,
  location: ServerLocation,
  folder: string,
  supervised: SupervisedProcess,
): Promise<PrivateServer> {
  const deadline = Date.now() + PREDECESSOR_TIMEOUT;
  for (;;) {
    const port = location.port ?? (await freePort());
    const server = new RunningServer(kind, port, folder, supervised);
    try {
      await server.restart();
      return server;
    } catch (error) {
      if (!TAKEN.test(String(error)) || Date.now() > deadline) throw error;
      await delay(50);
    }
  }
}

class RunningServer implements PrivateServer {
  readonly url: string;
  #stopped: Promise<void> | undefined;

  constructor(
    private readonly kind: ServerKind,
    readonly port: number,
    readonly folder: string,
    private readonly supervised: SupervisedProcess,
  ) {
    this.url = kind.url(port);
  }

  get pid(): number {
    return this.supervised.pid;
  }

  stop(): Promise<void> {
    this.#stopped ??= this.supervised.stop();
    return this.#stopped;
  }

  async kill(): Promise<void> {
    if (!this.supervised.running) return;
    await this.supervised.kill();
    await this.kind.afterKill?.(this.folder);
  }

  pause(): void {
    this.supervised.pause();
  }

  resume(): void {
    this.supervised.resume();
  }

  async restart(): Promise<void> {
    if (this.#stopped)
      throw new Error(`This ${this.kind.name} has been stopped and can't be restarted.`);
    await this.kill();
    const command = await this.kind.command(this.port, this.folder);
    const log = new Log(command.logFile);
    await this.supervised.start(command);
    await this.#untilReady(log);
  }

  async #untilReady(log: Log): Promise<void> {
    const deadline = Date.now() + START_TIMEOUT;
    while (!(await this.kind.isReady(this.pid, this.port, this.folder))) {
      if (!this.supervised.running) throw this.#failure('ended during its start', log);
      if (Date.now() > deadline) {
        const failure = this.#failure(`did not answer within ${START_TIMEOUT} ms`, log);
        await this.kill();
        throw failure;
      }
      await delay(5);
    }
  }

  #failure(what: string, log: Log): Error {
    const where = `The private ${this.kind.name} on 127.0.0.1:${this.port}`;
    return new Error(`${where} ${what}. Its log:\n  ${log.tail().join('\n  ')}`);
  }
}

/** What a server logs from now on. The log of a kept folder has the output of earlier runs, too. */
class Log {
  readonly #start: number;

  constructor(private readonly file: string) {
    this.#start = statSync(file, { throwIfNoEntry: false })?.size ?? 0;
  }

  tail(): string[] {
    const text = readFileSync(this.file).subarray(this.#start).toString();
    return text.trim().split('\n').slice(-12);
  }
}
