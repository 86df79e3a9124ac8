import { StartError } from './start-error.js';

/** What can be set from outside. */
export interface Environment {
  /** `PORT`, default 3000; 0 for any free one. */
  port: number;
  /** `HOST`, default this machine only: everybody knows the demo's passwords. */
  host: string;
  /** `REDIS_URL`, in place of a private Redis. */
  redisUrl: string | undefined;
  /** `DATABASE_URL`, in place of a private Postgres. */
  databaseUrl: string | undefined;
}

export function readEnvironment(): Environment {
  const { REDIS_URL, DATABASE_URL } = process.env;
  // Set to nothing is not set.
  const PORT = process.env.PORT || '3000';
  const HOST = process.env.HOST || '127.0.0.1';
  if (!/^\d{1,5}$/.test(PORT) || Number(PORT) > 65_535) {
    throw new StartError(`PORT is ${JSON.stringify(PORT)}; use a number from 0 to 65535.`);
  }
  return {
    port: Number(PORT),
    host: HOST,
    redisUrl: REDIS_URL || undefined,
    databaseUrl: DATABASE_URL || undefined,
  };
}

/** Where a browser on this machine finds the demo. */
export function addressOf({ host, port }: Pick<Environment, 'host' | 'port'>): string {
  const isLocal = ['127.0.0.1', '0.0.0.0', '::', '::1'].includes(host);
  const name = host.includes(':') ? `[${host}]` : host;
  return `http://${isLocal ? 'localhost' : name}:${port}`;
}
