import { StartError } from './start-error.js';

/**
 * The folder in which the private servers keep their data between runs; Git ignores it. The path is
 * relative to keep the printed commands short: npm runs scripts in the project's folder.
 */
export const DATA_FOLDER = '.data';

const LOOPBACK = ['localhost', '127.0.0.1', '::1'];

/** The settings that the demo reads from environment variables. */
export interface Environment {
  /** `PORT`, by default 3000; 0 for any free port. */
  port: number;
  /** `HOST`, by default 127.0.0.1, so that no other machine can reach the demo. */
  host: string;
  /** `REDIS_URL`; if it isn't set, the demo starts a private Redis. */
  redisUrl: string | undefined;
  /** `DATABASE_URL`; if it isn't set, the demo starts a private Postgres. */
  databaseUrl: string | undefined;
}

export function readEnvironment(): Environment {
  // `||`: an empty variable counts as not set.
  const port = process.env.PORT || '3000';
  if (!/^\d{1,5}$/.test(port) || Number(port) > 65_535) {
    throw new StartError(`PORT must be a number from 0 to 65535, not ${JSON.stringify(port)}.`);
  }
  return {
    port: Number(port),
    host: process.env.HOST || '127.0.0.1',
    redisUrl: process.env.REDIS_URL || undefined,
    databaseUrl: process.env.DATABASE_URL || undefined,
  };
}

/** The demo's URL for a browser on this machine. */
export function addressOf({ host, port }: Pick<Environment, 'host' | 'port'>): string {
  const isLocal = [...LOOPBACK, '0.0.0.0', '::'].includes(host);
  const name = host.includes(':') ? `[${host}]` : host;
  return `http://${isLocal ? 'localhost' : name}:${port}`;
}

/**
 * Whether the sign-in page may offer the demo accounts with their passwords. Servers from
 * the environment may hold real accounts, and unless HOST is a loopback address, other machines can
 * open the page.
 */
export function mayShowPasswords({ host, redisUrl, databaseUrl }: Environment): boolean {
  return LOOPBACK.includes(host) && !redisUrl && !databaseUrl;
}
