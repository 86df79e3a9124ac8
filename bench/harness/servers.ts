import { Redis } from 'ioredis';

import { startPostgres, startRedis, type PrivateServer } from '../../dev/index.js';
import type { ServerUrls } from './contender.js';

/** Starts private servers for one scenario, so that it doesn't find another scenario's data. */
export async function withServers<T>(
  postgresConfig: Record<string, string>,
  work: (servers: ServerUrls) => Promise<T>,
): Promise<T> {
  const started: PrivateServer[] = [];
  try {
    const redis = await startRedis();
    started.push(redis);
    const postgres = await startPostgres({ config: postgresConfig });
    started.push(postgres);
    return await work({ redisUrl: redis.url, databaseUrl: postgres.url });
  } finally {
    await Promise.all(started.map((server) => server.stop()));
  }
}

/** A section of Redis's INFO, by field. */
export async function redisInfo(url: string, section: string): Promise<Record<string, string>> {
  const redis = new Redis(url);
  try {
    const info = await redis.info(section);
    return Object.fromEntries([...info.matchAll(/^(\w+):(.*?)\r?$/gm)].map(([, k, v]) => [k, v]));
  } finally {
    redis.disconnect();
  }
}
