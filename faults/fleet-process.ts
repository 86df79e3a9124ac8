import type { StartOptions } from './application/protocol.js';
import type { ApplicationProcess } from './application-process.js';
import type { Link } from './link.js';

/** One process of the fleet, with its own links to the servers. It is replaced whenever it ends. */
export class FleetProcess {
  /** The current process, or the last one if none is running. */
  application: ApplicationProcess;
  /** Whether it has started, so that it can perform operations. */
  ready = false;
  readonly crashes: string[] = [];
  private starting: Promise<void> = Promise.resolve();
  private ending: Promise<unknown> = Promise.resolve();

  constructor(
    readonly name: string,
    readonly options: StartOptions,
    readonly redisLinks: Link[],
    readonly postgresLink: Link,
    private readonly takeSpare: () => ApplicationProcess,
  ) {
    this.application = this.takeSpare();
  }

  get isWorker(): boolean {
    return this.options.module.audit?.worker !== false;
  }

  get links(): Link[] {
    return [...this.redisLinks, this.postgresLink];
  }

  /** Starts the application, in a new process if the last one has ended. */
  start(): Promise<void> {
    this.starting = this.starting.then(async () => {
      await this.ending;
      if (this.ready && this.application.running) return;
      if (!this.application.running) this.application = this.takeSpare();
      const { application } = this;
      void application.ended.then(() => this.noteEnd(application));
      await application.start(this.options);
      this.ready = application.running;
    });
    return this.starting;
  }

  kill(): Promise<void> {
    return this.end(() => this.application.kill());
  }

  /** Shuts it down gracefully, as a deployment does. */
  stop(): Promise<void> {
    return this.end(async () => {
      const inTime = await this.application.stop();
      if (!inTime) this.crashes.push(`${this.name} did not stop in time`);
    });
  }

  private end(work: () => Promise<void>): Promise<void> {
    this.ready = false;
    this.ending = Promise.all([this.ending, work()]);
    return this.ending.then(() => undefined);
  }

  private noteEnd(application: ApplicationProcess): void {
    if (application === this.application) this.ready = false;
    if (application.crashed) this.crashes.push(`${this.name}: ${application.crashed}`);
  }
}
