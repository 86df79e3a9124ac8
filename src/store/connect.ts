import { Cluster, Redis, type ClusterNode, type ClusterOptions, type RedisOptions } from 'ioredis';

import { SessionError } from '../errors.js';
import type { RedisClient } from './bounded-redis.js';
import type { Handover } from './handover.js';
import { secureNodes } from './cluster-nodes.js';
import { watchConnection } from './connection-faults.js';
import { MOVING_SLOT_RETRY } from './moving-slots.js';
import { watchRole } from './role-watch.js';
import { SentinelWatch } from './sentinel-watch.js';

/** A Cluster: its nodes, and ioredis's own options. */
export type RedisClusterConnection = ClusterOptions & { nodes: ClusterNode[] };

/** How to reach Redis: a URL, ioredis's options, a Cluster's nodes, or a live ioredis client. */
export type RedisConnection = string | RedisOptions | RedisClusterConnection | RedisClient;

/** A client, and how to close it. A client that the application gave stays open. */
export interface OpenedRedis {
  client: RedisClient;
  /** With Sentinel: holds calls back during a failover. */
  handover: Handover | undefined;
  close(): Promise<void>;
}

export function openRedis(connection: RedisConnection, timeout: number): OpenedRedis {
  if (isClient(connection)) return watched(connection, () => undefined);
  const client = connect(connection, timeout);
  // Closing it ends in one more error event, after the watch has ended.
  client.on('error', () => undefined);
  return watched(client, () => client.disconnect());
}

function watched(client: RedisClient, disconnect: () => void): OpenedRedis {
  secureNodes(client);
  const watches = [watchConnection(client), watchRole(client)];
  const hasSentinels = !('nodes' in client) && Boolean(client.options.sentinels?.length);
  const sentinels = hasSentinels ? new SentinelWatch(client as Redis) : undefined;
  const close = async () => {
    watches.forEach((stop) => stop());
    sentinels?.close();
    disconnect();
  };
  return { client, handover: sentinels?.handover, close };
}

export function isClient(connection: RedisConnection): connection is RedisClient {
  return (
    connection instanceof Redis || connection instanceof Cluster || isForeignClient(connection)
  );
}

/** A client made by another copy of ioredis in the application. */
function isForeignClient(connection: RedisConnection): connection is RedisClient {
  return typeof connection === 'object' && 'evalsha' in connection && 'duplicate' in connection;
}

function connect(connection: Exclude<RedisConnection, RedisClient>, timeout: number): RedisClient {
  const options = requestOptions(timeout);
  if (typeof connection === 'string') return connectTo(connection, options);
  if (!('nodes' in connection)) return new Redis({ ...options, ...connection });
  const { nodes, redisOptions, ...clusterOptions } = connection;
  return new Cluster(nodes, {
    retryDelayOnTryAgain: MOVING_SLOT_RETRY,
    ...clusterOptions,
    redisOptions: { ...options, ...redisOptions },
  });
}

/** @throws SessionError `ERR_SESSION_OPTIONS`, which doesn't show the URL, because of its password */
function connectTo(url: string, options: RedisOptions): Redis {
  const [, scheme] = /^([a-z][a-z0-9+.-]*):\/\//i.exec(url) ?? [];
  if (scheme && !/^rediss?$/i.test(scheme)) {
    throw invalidUrl(`starts with ${scheme}://, and Redis's URLs start with redis:// or rediss://`);
  }
  try {
    return new Redis(url, options);
  } catch {
    // The original error holds the URL.
    throw invalidUrl(
      'is not a valid URL. Write it as redis://user:password@host:6379, with encodeURIComponent ' +
        'applied to the password, or give the options `host`, `port`, `username` and `password`',
    );
  }
}

function invalidUrl(what: string): SessionError {
  return new SessionError('ERR_SESSION_OPTIONS', `The option \`redis\` ${what}.`);
}

/** Unlike BullMQ's blocking connections, connections for requests need time limits. */
function requestOptions(timeout: number): RedisOptions {
  return {
    // Each command is written immediately, so Redis works on it while the next one is prepared.
    // ioredis's auto-pipelining waits for a batch's last reply before it sends the next batch, which
    // halved the rate of a plain script. `batched-reads.ts` and `batched-creates.ts` batch the
    // commands for which it pays.
    enableAutoPipelining: false,
    // A command fails at the next failed reconnection, so commands don't pile up while Redis is
    // unavailable.
    maxRetriesPerRequest: 1,
    // Redis's reply to the first command says why it closes the connection ('max number of clients'),
    // and ioredis ignores the replies to CLIENT SETINFO.
    disableClientInfo: true,
    // A connection that went silent (half open, or a stopped server) is replaced. Otherwise the
    // commands waiting on it would hold back all later ones.
    socketTimeout: 2 * timeout,
    connectTimeout: 2 * timeout,
    // A replica's answer to a change: reconnect, to find the master. The call itself fails.
    reconnectOnError: (error) => (error.message.startsWith('READONLY') ? 1 : false),
    retryStrategy: (attempt) => Math.min(25 * 2 ** Math.min(attempt, 5), 500),
  };
}
