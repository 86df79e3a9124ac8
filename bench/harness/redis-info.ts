import { Redis } from 'ioredis';

import type { Place } from './contender.js';

/** A section of Redis's INFO, by field. */
export async function redisInfo(place: Place, section: string): Promise<Record<string, string>> {
  const redis = new Redis(place.redisUrl);
  try {
    const info = await redis.info(section);
    return Object.fromEntries([...info.matchAll(/^(\w+):(.*?)\r?$/gm)].map(([, k, v]) => [k, v]));
  } finally {
    redis.disconnect();
  }
}
