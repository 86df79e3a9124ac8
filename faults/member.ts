import type { StartOptions } from './application/protocol.js';
import { ApplicationProcess } from './application-process.js';
import type { Link } from './link.js';

/** A place in the fleet: one process at a time runs in it, over links of its own. */
export class Member {
  process: ApplicationProcess;
  /** Set while its process can be asked. */
  ready = false;
  readonly crashes: string[] = [];
  private starting: Promise<void> = Promise.resolve();
  private leaving: Promise<unknown> = Promise.resolve();

  constructor(
    readonly name: string,
    readonly options: StartOptions,
    readonly redisLinks: Link[],
    readonly postgresLink: Link,
    private readonly spare: () => ApplicationProcess,
  ) {
    this.process = this.spare();
  }

  get isWorker(): boolean {
    return this.options.module.audit?.worker !== false;
  }

  get links(): Link[] {
    return [...this.redisLinks, this.postgresLink];
  }

  /** Starts its process; where it doesn't run any more, another one. */
  start(): Promise<void> {
    this.starting = this.starting.then(async () => {
      await this.leaving;
      if (this.ready && this.process.running) return;
      if (!this.process.running) this.process = this.spare();
      const { process } = this;
      void process.ended.then(() => this.noteEnd(process));
      await process.start(this.options);
      this.ready = process.running;
    });
    return this.starting;
  }

  kill(): Promise<void> {
    return this.leave(() => this.process.kill());
  }

  /** As a deployment does. */
  stop(): Promise<void> {
    return this.leave(async () => {
      const orderly = await this.process.stop();
      if (!orderly) this.crashes.push(`${this.name} did not stop in good order`);
    });
  }

  private leave(end: () => Promise<void>): Promise<void> {
    this.ready = false;
    this.leaving = Promise.all([this.leaving, end()]);
    return this.leaving.then(() => undefined);
  }

  private noteEnd(process: ApplicationProcess): void {
    if (process === this.process) this.ready = false;
    if (process.crashed) this.crashes.push(`${this.name}: ${process.crashed}`);
  }
}
