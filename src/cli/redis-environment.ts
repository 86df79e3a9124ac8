import { REDIS_VARIABLES, UsageError } from './failure.js';

/** A host and a port. */
export interface ServerAddress {
  host: string;
  port: number;
}

/** User and password of the servers behind Sentinel or of a Cluster; `redis://` URLs have their own. */
export interface RedisAccess {
  username: string | undefined;
  password: string | undefined;
  tls: boolean;
}

/** How a command reaches Redis. */
export type RedisLocation =
  | { url: string }
  | {
      sentinels: ServerAddress[];
      master: string;
      access: RedisAccess;
      sentinelUsername: string | undefined;
      sentinelPassword: string | undefined;
    }
  | { nodes: ServerAddress[]; access: RedisAccess };

/** Part of `--help`. */
export const REDIS_HELP = `\
  REDIS_URL        redis://… or rediss://…; for a Cluster, any of its nodes
  REDIS_CLUSTER    instead: nodes of a Cluster, as host:port,host:port
  REDIS_SENTINELS  instead: Sentinels, as host:port,host:port, with
  REDIS_MASTER     the name of the master that they watch
                   With either of them: REDIS_USERNAME, REDIS_PASSWORD, REDIS_TLS=true,
                   REDIS_SENTINEL_USERNAME, REDIS_SENTINEL_PASSWORD`;

/** @throws UsageError that names the variable and the remedy, and shows no password */
export function readRedisLocation(env: NodeJS.ProcessEnv): RedisLocation {
  const [way, other] = REDIS_VARIABLES.filter((name) => env[name]);
  if (!way) {
    throw new UsageError(
      'REDIS_URL is not set. Set it, for example to redis://localhost:6379, or set REDIS_SENTINELS ' +
        'and REDIS_MASTER, or REDIS_CLUSTER',
    );
  }
  if (other) throw new UsageError(`${way} and ${other} are both set. Unset one of them.`);
  if (way === 'REDIS_URL') return { url: env.REDIS_URL! };
  const access = {
    username: env.REDIS_USERNAME || undefined,
    password: env.REDIS_PASSWORD || undefined,
    tls: readTls(env.REDIS_TLS),
  };
  if (way === 'REDIS_CLUSTER') return { nodes: readAddresses(way, env[way]!, 6379), access };
  if (!env.REDIS_MASTER) {
    throw new UsageError(
      'REDIS_SENTINELS is set and REDIS_MASTER is not. Set it to the name of the master, as in ' +
        '`sentinel monitor NAME …`.',
    );
  }
  return {
    sentinels: readAddresses(way, env[way]!, 26_379),
    master: env.REDIS_MASTER,
    access,
    sentinelUsername: env.REDIS_SENTINEL_USERNAME || undefined,
    sentinelPassword: env.REDIS_SENTINEL_PASSWORD || undefined,
  };
}

function readTls(value: string | undefined): boolean {
  if (!value || value === 'false') return false;
  if (value === 'true') return true;
  throw new UsageError(`REDIS_TLS is ${JSON.stringify(value)}; use true or false.`);
}

function readAddresses(variable: string, list: string, defaultPort: number): ServerAddress[] {
  return list.split(',').map((item) => {
    const address = readAddress(item.trim(), defaultPort);
    if (address) return address;
    // The list is not shown: it may contain a password.
    throw new UsageError(
      `${variable} is not a list of addresses; use host:port,host:port. A user and a password go to ` +
        'REDIS_USERNAME and REDIS_PASSWORD.',
    );
  });
}

function readAddress(text: string, defaultPort: number): ServerAddress | undefined {
  const url = `redis://${text}`;
  if (!/^[\w.-]+(:\d+)?$|^\[[\da-f:.]+\](:\d+)?$/i.test(text) || !URL.canParse(url))
    return undefined;
  const { hostname, port } = new URL(url);
  return { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port || defaultPort) };
}
