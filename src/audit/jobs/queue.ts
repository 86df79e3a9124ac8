import { Logger } from '@nestjs/common';
import { Queue, Worker, type ConnectionOptions, type Job } from 'bullmq';
import type { Cluster, Redis } from 'ioredis';

import { closeQueue, failCommands } from '../../compat.js';
import { messageOf } from '../../errors.js';
import type { RedisClient } from '../../store/bounded-redis.js';
import { secureNodes } from '../../store/cluster-nodes.js';
import { isAccessDenied } from '../../store/redis-errors.js';
import { waitAtMost } from '../wait-at-most.js';

/** A job says what to do and carries no events, so losing the whole queue loses nothing. */
export type LedgerJob =
  | { name: 'drain'; data: { bucket: number } }
  | { name: 'sweep' | 'reconcile' | 'partitions'; data: object };

const QUEUE = 'session-ledger';
const MINUTE = 60_000;

/** When the scheduled jobs run: at intervals (ms), or at night by the clock of the process. */
const SCHEDULES = {
  sweep: { every: 1_000 },
  reconcile: { pattern: '0 3 * * *' },
  partitions: { every: 24 * 60 * MINUTE },
} as const;

interface Schedule {
  every?: number;
  pattern?: string;
}

/** How late a schedule's next job may be (ms). If it is later, the job was lost. */
const OVERDUE = MINUTE;
const CLOSE_TIMEOUT = 1_000; // ms

/** Jobs that one process runs at once, and so the most connections to Postgres that it keeps busy. */
const CONCURRENCY = 4;

/** The module's BullMQ queue, with its own Redis connections. */
export class LedgerQueue {
  private readonly connections: RedisClient[] = [];
  private readonly queue: Queue;
  private worker: Worker | undefined;
  private scheduling: Promise<void> | undefined;
  private readonly prefix: string;
  private readonly logger = new Logger('SessionLedger');
  private isReported = false;

  /** @param client the template for the connections; it is not used itself */
  constructor(
    private readonly client: RedisClient,
    keyPrefix: string,
  ) {
    // The braces put all keys into one slot of a Cluster, as BullMQ's scripts require.
    this.prefix = `{${keyPrefix}:jobs}`;
    this.queue = new Queue(QUEUE, { connection: this.connect(), prefix: this.prefix });
    this.queue.on('error', (error) => this.reportDenied(error)); // the failed call throws as well
  }

  /**
   * Asks for a drain of the bucket. While one is running, BullMQ keeps the newest request and runs
   * it afterwards.
   */
  async requestDrain(bucket: number): Promise<void> {
    const added = this.queue.add(
      'drain',
      { bucket },
      {
        deduplication: { id: `drain-${bucket}`, keepLastIfActive: true },
        removeOnComplete: true,
        removeOnFail: true,
      },
    );
    await added.catch((error) => {
      this.reportDenied(error);
      throw error;
    });
  }

  /** Starts to run jobs in this process. */
  work(run: (job: LedgerJob) => Promise<void>, onError: (error: Error) => void): void {
    const processor = async (job: Job) => run({ name: job.name, data: job.data } as LedgerJob);
    this.worker = new Worker(QUEUE, processor, {
      connection: this.connect(),
      prefix: this.prefix,
      concurrency: CONCURRENCY,
      removeOnComplete: { count: 0 },
      removeOnFail: { count: 0 },
    });
    this.worker.on('error', (error) => {
      this.reportDenied(error);
      onError(error);
    });
    this.worker.on('failed', (_, error) => onError(error));
  }

  /**
   * Creates the schedules that are missing, for example because the queue was deleted, and those
   * whose next job was lost. Waits as long as Redis is unavailable.
   */
  schedule(): Promise<void> {
    this.scheduling ??= this.createSchedules()
      .catch((error) => {
        this.reportDenied(error);
        throw error;
      })
      .finally(() => (this.scheduling = undefined));
    return this.scheduling;
  }

  /** Stops taking jobs, and waits for the active ones for at most `timeout` ms. */
  async stopWorking(timeout: number): Promise<void> {
    if (!this.worker) return;
    await waitAtMost(timeout, closeQueue(this.worker));
  }

  async close(): Promise<void> {
    for (const connection of this.connections) disconnectNow(connection);
    await waitAtMost(CLOSE_TIMEOUT, closeQueue(this.queue));
  }

  /** Says once that the queue is of no use. Without it, only the watchdog records events. */
  private reportDenied(error: unknown): void {
    if (this.isReported || !isAccessDenied(error)) return;
    this.isReported = true;
    this.logger.error(
      `The user of Redis may not use the job queue (${this.prefix}:*), so events are recorded ` +
        `seconds later, by the watchdog: ${messageOf(error)}. Give the user the commands and keys ` +
        "of docs/operations.md, under 'A user for the module'.",
    );
  }

  private async createSchedules(): Promise<void> {
    for (const name of Object.keys(SCHEDULES) as (keyof typeof SCHEDULES)[]) {
      const wanted: Schedule = SCHEDULES[name];
      if (isRunning(await this.queue.getJobScheduler(name), wanted)) continue;
      const opts = { removeOnComplete: true, removeOnFail: true };
      await this.queue.upsertJobScheduler(name, wanted, { name, opts });
    }
  }

  private connect(): ConnectionOptions {
    return this.track(duplicate(this.client)) as ConnectionOptions;
  }

  /**
   * Remembers a connection and all copies that BullMQ makes of it: without Redis, BullMQ can't close
   * them itself.
   */
  private track<T extends RedisClient>(connection: T): T {
    connection.on('error', () => undefined);
    allowWithoutInfo(connection);
    this.connections.push(connection);
    const copy = connection.duplicate.bind(connection) as (...options: unknown[]) => T;
    return Object.assign(connection, {
      duplicate: (...options: unknown[]) => this.track(copy(...options)),
    });
  }
}

/** BullMQ asks for the version and never gets ready if INFO is forbidden. The start has warned of it. */
function allowWithoutInfo(connection: RedisClient): void {
  const info = connection.info.bind(connection) as (...args: unknown[]) => Promise<string>;
  const orOldest = (...args: unknown[]) => {
    const reply = info(...args);
    // ioredis's own ready check gives a callback, and knows what to do.
    if (typeof args[0] === 'function') return reply;
    return reply.catch((error: unknown) => {
      if (!isAccessDenied(error)) throw error;
      return 'redis_version:7.0.0\r\n';
    });
  };
  Object.assign(connection, { info: orOldest });
}

/** Whether a schedule is the wanted one, and its next job was not lost. */
function isRunning(
  schedule: { next?: number; pattern?: string } | undefined | null,
  wanted: Schedule,
): boolean {
  if (!schedule?.next || schedule.next <= Date.now() - OVERDUE) return false;
  return (schedule.pattern ?? '') === (wanted.pattern ?? '');
}

/**
 * Disconnects for good, and fails all commands that are still waiting.
 *
 * The failure of a blocking read makes BullMQ connect again, even while its worker closes: without
 * Redis, that connection would try for ever and keep the process alive.
 *
 * Setting the status is a workaround for ioredis. Between two attempts to reconnect, `disconnect()`
 * cancels the next attempt but leaves the waiting commands pending for ever. It fails them only if
 * the client has not connected yet, which it knows by the status `wait`.
 */
function disconnectNow(connection: RedisClient): void {
  const refuse = () => Promise.reject(new Error('The ledger is closed.'));
  Object.assign(connection, { connect: refuse });
  failCommands(connection);
  if (connection.status === 'end') return;
  if (connection.status === 'reconnecting') Object.assign(connection, { status: 'wait' });
  connection.disconnect();
}

/** BullMQ's blocking reads take as long as they need, so their connections must have no timeouts. */
const UNBOUNDED = {
  maxRetriesPerRequest: null,
  socketTimeout: undefined,
  commandTimeout: undefined,
  enableOfflineQueue: true,
  // The detector's connections to Sentinel would outlive `disconnectNow`. Without it, a READONLY
  // error still makes these connections look for the master.
  failoverDetector: false,
} as const;

function duplicate(client: RedisClient): Redis | Cluster {
  const options = { ...UNBOUNDED, enableAutoPipelining: false };
  if (!('nodes' in client)) return client.duplicate(options);
  const redisOptions = { ...client.options.redisOptions, ...UNBOUNDED };
  const cluster = client.duplicate([], { enableAutoPipelining: false, redisOptions });
  secureNodes(cluster);
  return cluster;
}
