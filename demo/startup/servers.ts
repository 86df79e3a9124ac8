import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';

import { Redis } from 'ioredis';

import { startPostgres, startRedis, type PrivateServer } from '../../dev/index.js';
import { DATA_FOLDER, type Environment } from './environment.js';
import { messageOf, StartError } from './start-error.js';

/** The two servers that the application needs. */
export interface Servers {
  redisUrl: string;
  databaseUrl: string;
  /** Whether the demo started Postgres. Its URL then has no password and can be printed. */
  isPrivateDatabase: boolean;
  /** Stops the private servers. Given ones are left alone. */
  stop(): Promise<void>;
}

/** Sessions survive a restart of the demo. docs/operations.md has the settings for production. */
const REDIS_CONFIG = { appendonly: 'yes' };

/** Uses the servers given in the environment, and starts private ones for the rest. */
export async function openServers({ redisUrl, databaseUrl }: Environment): Promise<Servers> {
  // Needed even if both servers are given: it also holds the passwords, and cookies for curl.
  await mkdir(DATA_FOLDER, { recursive: true });
  const started = await Promise.allSettled([
    redisUrl ? undefined : startRedis({ dir: join(DATA_FOLDER, 'redis'), config: REDIS_CONFIG }),
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

async function stopAll(servers: (PrivateServer | undefined)[]): Promise<void> {
  await Promise.all(servers.map((server) => server?.stop()));
}

/** Fails at once if Redis is unreachable. The application itself would keep reconnecting. */
async function requireRedis(url: string): Promise<void> {
  const client = new Redis(url, { lazyConnect: true, retryStrategy: () => null });
  // `connect` rejects with 'Connection is closed.'; this event has the reason.
  let reason: unknown;
  client.on('error', (error) => (reason = error));
  try {
    await client.connect();
    await client.ping();
  } catch (error) {
    throw new Error(`Can't connect to Redis at REDIS_URL: ${messageOf(reason ?? error)}.`, {
      cause: error,
    });
  } finally {
    client.disconnect();
  }
}
