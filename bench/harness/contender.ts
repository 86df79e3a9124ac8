import type { Methods } from '../../dev/child-calls.js';

/** The servers of a run. */
export interface ServerUrls {
  redisUrl: string;
  databaseUrl: string;
}

/**
 * What each file in `contenders` exports as `open`. It gets everything ready and returns the methods
 * that the scenario calls.
 */
export type Open<T extends Methods<T>> = (servers: ServerUrls) => Promise<T>;
