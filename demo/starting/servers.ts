import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';

import { Redis } from 'ioredis';

import { startPostgres, startRedis, type PrivateServer } from '../../dev/index.js';
import { DATA_FOLDER } from './data-folder.js';
import type { Environment } from './environment.js';
import { messageOf, StartError } from './start-error.js';

/** The two servers that the application needs. */
export interface Servers {
  redisUrl: string;
  databaseUrl: string;
  /** Whether Postgres is ours: its URL can then be shown, as it holds no password. */
  isPrivateDatabase: boolean;
  /** Stops the private ones. Those that were given are left alone. */
  stop(): Promise<void>;
}

/** Takes the servers that the environment names; for the others, starts private ones. */
export async function openServers({ redisUrl, databaseUrl }: Environment): Promise<Servers> {
  await mkdir(DATA_FOLDER, { recursive: true }); // for the cookies of the commands, in any case
  const started = await Promise.allSettled([
    redisUrl ? undefined : startRedis({ dir: join(DATA_FOLDER, 'redis'), config: DURABLE }),
    databaseUrl ? undefined : startPostgres({ dir: join(DATA_FOLDER, 'postgres') }),
  ]);
  const [redis, postgres] = started.map((start) =>
    start.status === 'fulfilled' ? start.value : undefined,
  );
  const stop = () => stopAll([redis, postgres]);
  try {
    for (const start of started) if (start.status === 'rejected') throw start.reason;
    if (redisUrl) await requireRedis(redisUrl);
  } catch (error) {
    await stop();
    throw new StartError(messageOf(error), { cause: error });
  }
  return {
    redisUrl: redisUrl ?? redis!.url,
    databaseUrl: databaseUrl ?? postgres!.url,
    isPrivateDatabase: databaseUrl === undefined,
    stop,
  };
}

/** Sessions are to outlive a restart of the demo; docs/operations.md has what production wants. */
const DURABLE = { appendonly: 'yes' };

async function stopAll(servers: (PrivateServer | undefined)[]): Promise<void> {
  await Promise.all(servers.map((server) => server?.stop()));
}

/** Says at once that nobody is there; the application itself would wait for Redis to come back. */
async function requireRedis(url: string): Promise<void> {
  const client = new Redis(url, { lazyConnect: true, retryStrategy: () => null });
  let reason: unknown;
  client.on('error', (error) => (reason = error));
  try {
    await client.connect();
    await client.ping();
  } catch (error) {
    throw new Error(`Redis at REDIS_URL doesn't answer: ${messageOf(reason ?? error)}.`, {
      cause: error,
    });
  } finally {
    client.disconnect();
  }
}
