// What differs between the supported versions of the peers.
import { setImmediate } from 'node:timers/promises';

import type { Cluster, Redis } from 'ioredis';
import type { DataSource } from 'typeorm';

interface Command {
  promise: Promise<unknown>;
  reject(error: Error): void;
}

/**
 * Lets all further commands of a connection fail, with another error than ioredis's own.
 *
 * A worker of BullMQ 5 that is closing repeats a command that fails with ioredis's 'Connection is
 * closed.', at once and for ever: the process no longer does anything else. Any other error ends the
 * worker's loop.
 */
export function failCommands(connection: Redis | Cluster): void {
  const sendCommand = ({ promise, reject }: Command) => {
    reject(new Error('The application is shutting down.'));
    return promise;
  };
  Object.assign(connection, { sendCommand });
}

/**
 * Closes a queue or worker of BullMQ, but not before its connections are open or have failed.
 *
 * If BullMQ 5 closes a connection that is still opening, it removes the listeners and then emits the
 * error, which ends the process as an unhandled rejection.
 */
export async function closeQueue(queue: {
  waitUntilReady(): Promise<unknown>;
  close(): Promise<void>;
}): Promise<void> {
  // Several connections fail in the same turn; the promise stands for the first of them.
  await queue.waitUntilReady().catch(() => setImmediate());
  await queue.close();
}

/** A `DataSource`, also of another copy of TypeORM than the one that this package imports. */
export function isDataSource(value: object): value is DataSource {
  return 'createQueryRunner' in value;
}
