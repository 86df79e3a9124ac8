import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

import type { Answer, Operation, Request, Response, StartOptions } from './application/protocol.js';

const MAIN = fileURLToPath(new URL('./application/main.js', import.meta.url));
const LINES_KEPT = 30;
/** The module's own bounds at shutdown add up to less, ms. */
const STOP_PATIENCE = 25_000;

/** A process of the application, as the harness holds it. */
export class ApplicationProcess {
  readonly loaded: Promise<void>;
  readonly started: Promise<void>;
  readonly ended: Promise<void>;
  /** It ended, and nobody had killed it. */
  crashed: string | undefined;
  private readonly child: ChildProcess;
  private readonly waiting = new Map<number, (answer: Answer | null) => void>();
  private readonly said: string[] = [];
  private aimed: (() => void) | undefined;
  private mayEnd = false;
  private isLoaded!: () => void;
  private isStarted!: () => void;

  constructor() {
    this.loaded = new Promise((resolve) => (this.isLoaded = resolve));
    this.started = new Promise((resolve) => (this.isStarted = resolve));
    this.child = fork(MAIN, [], { stdio: ['ignore', 'pipe', 'pipe', 'ipc'] });
    this.child.on('message', (response: Response) => this.hear(response));
    for (const output of [this.child.stdout!, this.child.stderr!]) {
      output.on('data', (text: Buffer) => this.keep(text.toString()));
    }
    this.ended = new Promise((resolve) => {
      this.child.once('exit', (code, signal) => {
        this.close(code, signal);
        resolve();
      });
    });
  }

  get running(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  async start(options: StartOptions): Promise<void> {
    await Promise.race([this.loaded, this.ended]);
    this.send({ type: 'start', options });
    await Promise.race([this.started, this.ended]);
  }

  /** Null where the process ended before it answered. */
  call(n: number, operation: Operation): Promise<Answer | null> {
    return new Promise((resolve) => {
      this.waiting.set(n, resolve);
      if (!this.send({ type: 'call', n, operation })) {
        this.waiting.delete(n);
        resolve(null);
      }
    });
  }

  send(request: Request): boolean {
    if (!this.running || !this.child.connected) return false;
    if (request.type === 'aim' && request.act === 'kill') this.mayEnd = true;
    this.child.send(request, () => undefined);
    return true;
  }

  /** Resolves when an aimed fault has struck, or after `patience` ms with false. */
  hit(patience: number): Promise<boolean> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(false), patience);
      this.aimed = () => {
        clearTimeout(timer);
        resolve(true);
      };
    });
  }

  async kill(): Promise<void> {
    this.mayEnd = true;
    this.child.kill('SIGKILL');
    await this.ended;
  }

  /** An orderly end, as by SIGTERM; false where it took so long that it was killed. */
  async stop(): Promise<boolean> {
    this.mayEnd = true;
    if (!this.send({ type: 'stop' })) return true;
    let orderly = true;
    const timer = setTimeout(() => {
      orderly = false;
      this.child.kill('SIGKILL');
    }, STOP_PATIENCE);
    await this.ended;
    clearTimeout(timer);
    return orderly;
  }

  private hear(response: Response): void {
    if (response.type === 'loaded') this.isLoaded();
    if (response.type === 'started') this.isStarted();
    if (response.type === 'aimed') this.aimed?.();
    if (response.type === 'answer') {
      this.waiting.get(response.n)?.(response.answer);
      this.waiting.delete(response.n);
    }
  }

  private keep(text: string): void {
    this.said.push(...text.trim().split('\n'));
    this.said.splice(0, this.said.length - LINES_KEPT);
  }

  private close(code: number | null, signal: string | null): void {
    if (!this.mayEnd) {
      this.crashed = `a process ended by itself (${signal ?? code}):\n${this.said.join('\n')}`;
    }
    for (const resolve of this.waiting.values()) resolve(null);
    this.waiting.clear();
    this.aimed?.();
  }
}
