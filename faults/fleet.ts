import type { StartOptions } from './application/protocol.js';
import { ApplicationProcess } from './application-process.js';
import { Link } from './link.js';
import { Member } from './member.js';
import type { Servers } from './servers.js';

/** Processes that are loaded and wait for work: one that was killed is replaced at once. */
const SPARES = 1;

/** Who runs: two web processes without jobs, two workers, one of which can be aimed at. */
const MEMBERS = [
  { name: 'web-1', worker: false, aimable: false, shortLocks: false },
  { name: 'web-2', worker: false, aimable: false, shortLocks: false },
  { name: 'worker-1', worker: true, aimable: true, shortLocks: false },
  { name: 'worker-2', worker: true, aimable: true, shortLocks: true },
];

/** The processes of the application. */
export class Fleet {
  private readonly spares: ApplicationProcess[] = [];

  private constructor(readonly members: Member[]) {}

  static async start(servers: Servers, module: StartOptions['module']): Promise<Fleet> {
    const fleet = new Fleet([]);
    for (const { name, worker, aimable, shortLocks } of MEMBERS) {
      const redisLinks = await Promise.all(servers.redisPorts.map((port) => Link.to(port)));
      const postgresLink = await Link.to(servers.postgres.port);
      const options: StartOptions = {
        module: { ...module, audit: { ...module.audit, worker } },
        redis: servers.redisThrough(redisLinks),
        database: servers.databaseThrough(postgresLink),
        aimable,
        shortLocks,
        clockShift: 0,
      };
      const member = new Member(name, options, redisLinks, postgresLink, () => fleet.spare());
      fleet.members.push(member);
    }
    await fleet.startAll();
    return fleet;
  }

  get ready(): Member[] {
    return this.members.filter((member) => member.ready);
  }

  get workers(): Member[] {
    return this.members.filter((member) => member.isWorker);
  }

  get web(): Member[] {
    return this.members.filter((member) => !member.isWorker);
  }

  async startAll(): Promise<void> {
    await Promise.all(this.members.map((member) => member.start()));
  }

  async stop(): Promise<void> {
    await Promise.all([
      ...this.members.map((member) => member.process.stop()),
      ...this.spares.map((spare) => spare.kill()),
    ]);
    for (const link of this.members.flatMap((member) => member.links)) link.close();
  }

  private spare(): ApplicationProcess {
    const spare = this.spares.shift() ?? new ApplicationProcess();
    setTimeout(() => {
      while (this.spares.length < SPARES) this.spares.push(new ApplicationProcess());
    }, 50);
    return spare;
  }
}
