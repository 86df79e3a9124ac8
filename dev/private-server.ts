import { mkdirSync, mkdtempSync, readFileSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { freePort } from './free-port.js';
import { type Command, SupervisedProcess } from './supervised-process.js';

export interface PrivateServer {
  readonly url: string;
  readonly port: number;
  /** The current server process; after `restart()` another one. */
  readonly pid: number;
  /** Ends the server in good order and removes its temporary folder. May be called again. */
  stop(): Promise<void>;
  /** SIGKILL. The data stays; resolves when the process is gone. */
  kill(): Promise<void>;
  /** Same data, same port; resolves when it answers. Kills it first if it still runs. */
  restart(): Promise<void>;
  /** SIGSTOP: connections stay open and nothing answers. */
  pause(): void;
  /** SIGCONT */
  resume(): void;
}

/** What Redis and Postgres do each in its own way. */
export interface ServerKind {
  name: string;
  stopSignal: NodeJS.Signals;
  url(port: number): string;
  /** Prepares the folder and says how to run the server in it. */
  command(port: number, folder: string): Promise<Command>;
  /** Whether the server on this port answers, and is this very process. */
  answers(pid: number, port: number, folder: string): Promise<boolean>;
  /** Gives back what a killed server could not. */
  afterKill?(folder: string): Promise<void>;
}

export interface Place {
  /** Keep the data here, instead of in a temporary folder that goes with the server. */
  dir?: string;
  /** Instead of a free one. */
  port?: number;
}

const START_PATIENCE_MS = 30_000;
const PREDECESSOR_PATIENCE_MS = 3_000; // longer than its watchdog's
const TAKEN = /address already in use|already exists|already runs|pre-existing shared memory/i;

export async function runServer(kind: ServerKind, place: Place): Promise<PrivateServer> {
  if (process.platform === 'win32') {
    throw new Error(`A private ${kind.name} needs Linux or macOS; on Windows use WSL.`);
  }
  const folder = place.dir ? resolve(place.dir) : mkdtempSync(join(tmpdir(), folderPrefix(kind)));
  mkdirSync(folder, { recursive: true });
  const supervised = new SupervisedProcess(kind.stopSignal, place.dir ? undefined : folder);
  try {
    return await firstStart(kind, place, folder, supervised);
  } catch (error) {
    await supervised.stop();
    throw error;
  }
}

function folderPrefix(kind: ServerKind): string {
  return `nest-session-ledger-${kind.name.toLowerCase()}-`;
}

// A free port can be lost to another process before the server binds it, and a kept folder or a
// fixed port may be held for a moment by a server whose starter was killed just now.
async function firstStart(
  kind: ServerKind,
  place: Place,
  folder: string,
  supervised: SupervisedProcess,
): Promise<PrivateServer> {
  const deadline = Date.now() + PREDECESSOR_PATIENCE_MS;
  for (;;) {
    const port = place.port ?? (await freePort());
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
    private readonly folder: string,
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
    if (this.#stopped) throw new Error(`This ${this.kind.name} has been stopped for good.`);
    await this.kill();
    const command = await this.kind.command(this.port, this.folder);
    const log = new Log(command.logFile);
    await this.supervised.start(command);
    await this.#answering(log);
  }

  async #answering(log: Log): Promise<void> {
    const deadline = Date.now() + START_PATIENCE_MS;
    while (!(await this.kind.answers(this.pid, this.port, this.folder))) {
      if (!this.supervised.running) throw this.#failure('ended while it started', log);
      if (Date.now() > deadline) {
        const failure = this.#failure(`did not answer within ${START_PATIENCE_MS} ms`, log);
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

/** What a server says from now on; a kept folder's log holds earlier runs, too. */
class Log {
  readonly #start: number;

  constructor(private readonly file: string) {
    this.#start = statSync(file, { throwIfNoEntry: false })?.size ?? 0;
  }

  tail(): string[] {
    const said = readFileSync(this.file).subarray(this.#start).toString();
    return said.trim().split('\n').slice(-12);
  }
}
