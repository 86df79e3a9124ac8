import { Queue, Worker, type ConnectionOptions, type Job } from 'bullmq';
import type { Cluster, Redis } from 'ioredis';

import type { RedisClient } from '../../store/bounded-redis.js';
import { waitAtMost } from '../wait-at-most.js';

/** A job says what to look at; it carries no event. So losing the whole queue loses nothing. */
export type LedgerJob =
  | { name: 'drain'; data: { bucket: number } }
  | { name: 'sweep' | 'reconcile' | 'partitions'; data: object };

const QUEUE = 'session-ledger';
const MINUTE = 60_000;

/** How often each job runs, ms. */
const SCHEDULE = { sweep: 1_000, reconcile: 60 * MINUTE, partitions: 24 * 60 * MINUTE } as const;

/** A schedule whose next job is so late has lost it, ms. */
const OVERDUE = MINUTE;
const CLOSE_TIMEOUT = 1_000;

/** Buckets that one process drains at once: as many connections to Postgres are busy at most. */
const CONCURRENCY = 4;

/** BullMQ as this module uses it: one queue per module, on connections of its own. */
export class LedgerQueue {
  private readonly connections: RedisClient[] = [];
  private readonly queue: Queue;
  private worker: Worker | undefined;
  private scheduling: Promise<void> | undefined;
  private readonly prefix: string;

  /** @param client what the connections are made like; it is left alone */
  constructor(
    private readonly client: RedisClient,
    keyPrefix: string,
  ) {
    // The braces make it one slot of a Cluster, as BullMQ's scripts need.
    this.prefix = `{${keyPrefix}:jobs}`;
    this.queue = new Queue(QUEUE, { connection: this.connect(), prefix: this.prefix });
    this.queue.on('error', () => undefined); // callers see their own call fail
  }

  /** Asks for a drain. While one is active, the last wish is kept and runs after it. */
  async wake(bucket: number): Promise<void> {
    await this.queue.add(
      'drain',
      { bucket },
      {
        deduplication: { id: `drain-${bucket}`, keepLastIfActive: true },
        removeOnComplete: true,
        removeOnFail: true,
      },
    );
  }

  /** Runs the jobs in this process. */
  work(run: (job: LedgerJob) => Promise<void>, onError: (error: Error) => void): void {
    const processor = async (job: Job) => run({ name: job.name, data: job.data } as LedgerJob);
    this.worker = new Worker(QUEUE, processor, {
      connection: this.connect(),
      prefix: this.prefix,
      concurrency: CONCURRENCY,
      removeOnComplete: { count: 0 },
      removeOnFail: { count: 0 },
    });
    this.worker.on('error', onError);
    this.worker.on('failed', (_, error) => onError(error));
  }

  /**
   * Makes the schedules that are missing, as they are in a queue that was deleted, and those whose
   * next job was lost. Waits for as long as Redis is away.
   */
  schedule(): Promise<void> {
    this.scheduling ??= this.makeSchedules().finally(() => (this.scheduling = undefined));
    return this.scheduling;
  }

  /** Stops taking jobs and waits for the active ones, at most `timeout` ms. */
  async stopWorking(timeout: number): Promise<void> {
    if (!this.worker) return;
    await waitAtMost(timeout, this.worker.close());
  }

  async close(): Promise<void> {
    for (const connection of this.connections) cut(connection);
    await waitAtMost(CLOSE_TIMEOUT, this.queue.close());
  }

  private async makeSchedules(): Promise<void> {
    for (const name of Object.keys(SCHEDULE) as (keyof typeof SCHEDULE)[]) {
      const every = SCHEDULE[name];
      const schedule = await this.queue.getJobScheduler(name);
      if (schedule?.next && schedule.next > Date.now() - OVERDUE) continue;
      const opts = { removeOnComplete: true, removeOnFail: true };
      await this.queue.upsertJobScheduler(name, { every }, { name, opts });
    }
  }

  private connect(): ConnectionOptions {
    return this.keep(duplicate(this.client)) as ConnectionOptions;
  }

  /** Knows each connection, also the copies that BullMQ makes: it can't close them without Redis. */
  private keep<T extends RedisClient>(connection: T): T {
    connection.on('error', () => undefined);
    this.connections.push(connection);
    const copy = connection.duplicate.bind(connection) as (...options: unknown[]) => T;
    return Object.assign(connection, {
      duplicate: (...options: unknown[]) => this.keep(copy(...options)),
    });
  }
}

/**
 * Ends a connection, and with an error all that waits for it. ioredis does neither between two
 * attempts to connect, only for a connection that was never begun.
 */
function cut(connection: RedisClient): void {
  if (connection.status === 'end') return;
  if (connection.status === 'reconnecting') Object.assign(connection, { status: 'wait' });
  connection.disconnect();
}

/** BullMQ's blocking reads have no bound, so neither may their connections. */
const UNBOUNDED = {
  maxRetriesPerRequest: null,
  socketTimeout: undefined,
  commandTimeout: undefined,
  enableOfflineQueue: true,
} as const;

function duplicate(client: RedisClient): Redis | Cluster {
  const options = { ...UNBOUNDED, enableAutoPipelining: false };
  if (!('nodes' in client)) return client.duplicate(options);
  const redisOptions = { ...client.options.redisOptions, ...UNBOUNDED };
  return client.duplicate([], { enableAutoPipelining: false, redisOptions });
}
