import type { StartOptions } from './application/protocol.js';
import { ApplicationProcess } from './application-process.js';
import { FleetProcess } from './fleet-process.js';
import { Link } from './link.js';
import type { Servers } from './servers.js';

/** Spare processes, loaded and waiting, so that a killed one can be replaced at once. */
const SPARES = 1;

/** Two web processes, which run no jobs, and two workers. */
const PROCESSES = [
  { name: 'web-1', worker: false, commitFaults: false, shortLocks: false },
  { name: 'web-2', worker: false, commitFaults: false, shortLocks: false },
  { name: 'worker-1', worker: true, commitFaults: true, shortLocks: false },
  { name: 'worker-2', worker: true, commitFaults: true, shortLocks: true },
];

/** The processes of the application. */
export class Fleet {
  private readonly spares: ApplicationProcess[] = [];

  private constructor(readonly processes: FleetProcess[]) {}

  static async start(servers: Servers, module: StartOptions['module']): Promise<Fleet> {
    const fleet = new Fleet([]);
    for (const { name, worker, commitFaults, shortLocks } of PROCESSES) {
      const redisLinks = await Promise.all(servers.redisPorts.map((port) => Link.to(port)));
      const postgresLink = await Link.to(servers.postgres.port);
      const options: StartOptions = {
        module: { ...module, audit: { ...module.audit, worker } },
        redis: servers.redisThrough(redisLinks),
        database: servers.databaseThrough(postgresLink),
        commitFaults,
        shortLocks,
        clockShift: 0,
      };
      const takeSpare = () => fleet.takeSpare();
      fleet.processes.push(new FleetProcess(name, options, redisLinks, postgresLink, takeSpare));
    }
    await fleet.startAll();
    return fleet;
  }

  get workers(): FleetProcess[] {
    return this.processes.filter((process) => process.isWorker);
  }

  get web(): FleetProcess[] {
    return this.processes.filter((process) => !process.isWorker);
  }

  async startAll(): Promise<void> {
    await Promise.all(this.processes.map((process) => process.start()));
  }

  async stop(): Promise<void> {
    await Promise.all([
      ...this.processes.map((process) => process.application.stop()),
      ...this.spares.map((spare) => spare.kill()),
    ]);
    for (const link of this.processes.flatMap((process) => process.links)) link.close();
  }

  private takeSpare(): ApplicationProcess {
    const spare = this.spares.shift() ?? new ApplicationProcess();
    setTimeout(() => {
      while (this.spares.length < SPARES) this.spares.push(new ApplicationProcess());
    }, 50);
    return spare;
  }
}
