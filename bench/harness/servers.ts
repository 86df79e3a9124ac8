import { startPostgres, startRedis, type PrivateServer } from '../../dev/index.js';
import type { Place } from './contender.js';

/** Private servers, started for one scenario and gone after it: no other's data is in them. */
export async function withServers<T>(
  postgresConfig: Record<string, string>,
  work: (place: Place) => Promise<T>,
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
