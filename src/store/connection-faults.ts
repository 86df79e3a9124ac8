import type { Cluster, Redis } from 'ioredis';

import { isError, messageOf } from '../errors.js';

/** Why a client has no connection. */
export interface ConnectionFault {
  /** The original error, if there was one. */
  cause: Error | undefined;
  /** With the address. */
  reason: string;
  /** By the monotonic clock (ms). */
  at: number;
}

/** A Cluster has many connections, and one that works doesn't say that the others do (ms). */
const FORGOTTEN_AFTER = 10_000;

const faults = new WeakMap<Redis | Cluster, ConnectionFault>();

/** Why the client's connection failed; undefined if it works or nothing is known. */
export function faultOf(client: Redis | Cluster): ConnectionFault | undefined {
  const fault = faults.get(client);
  if (!fault || !('nodes' in client)) return fault;
  return performance.now() - fault.at < FORGOTTEN_AFTER ? fault : undefined;
}

/**
 * Remembers why a client can't connect. ioredis says it in an event only: the command fails with
 * 'Reached the max retries per request limit', whatever the reason.
 *
 * @returns stops watching
 */
export function watchConnection(client: Redis | Cluster): () => void {
  return 'nodes' in client ? watchCluster(client) : watchServer(client);
}

function watchServer(client: Redis): () => void {
  /** Whether the present attempt has said why it failed. */
  let isExplained = false;
  let wasReady = false;
  return listen(client, {
    connecting: () => (isExplained = wasReady = false),
    // The address is right, then; a wrong password is an error after this.
    connect: () => faults.delete(client),
    ready: () => (wasReady = true),
    error: (error) => {
      if (SAYS_NOTHING.test(messageOf(error))) return;
      const isReset = !wasReady && messageOf(error).includes('ECONNRESET');
      isExplained = true;
      remember(client, isReset ? CLOSED : error, addressOf(client));
    },
    close: () => {
      if (!isExplained) remember(client, wasReady ? LOST : CLOSED, addressOf(client));
    },
  });
}

function watchCluster(client: Cluster): () => void {
  return listen(client, {
    ready: () => faults.delete(client),
    'node error': (error, address) => {
      const isExplained = faultOf(client) !== undefined;
      if (isExplained && SAYS_NOTHING.test(messageOf(error))) return;
      remember(client, error, String(address));
    },
  });
}

type Listeners = Record<string, (...args: unknown[]) => unknown>;

function listen(client: Redis | Cluster, listeners: Listeners): () => void {
  // Callers see errors as failed commands. Without a listener ioredis prints them as unhandled.
  const all: Listeners = { error: () => undefined, ...listeners };
  for (const [event, listener] of Object.entries(all)) client.on(event, listener);
  return () => {
    for (const [event, listener] of Object.entries(all)) client.off(event, listener);
  };
}

const LOST = 'the connection was closed';
const CLOSED = 'the server closed the connection before it answered';

/** What ioredis says of a connection once it has said why it failed. */
const SAYS_NOTHING = /max retries per request|Connection is closed|Stream isn't writeable|aborted/;

function remember(client: Redis | Cluster, error: unknown, address: string): void {
  const message = explain(client, messageOf(error));
  const reason = message.includes(address) ? message : `${address}: ${message}`;
  const cause = isError(error) ? error : undefined;
  faults.set(client, { cause, reason, at: performance.now() });
}

/** A server that expects plain text waits for the rest of a command, so TLS runs into the timeout. */
function explain({ options }: Redis | Cluster, message: string): string {
  const wantsTls = 'tls' in options && Boolean(options.tls);
  return wantsTls && message.includes('ETIMEDOUT') ? `no TLS connection: ${message}` : message;
}

function addressOf({ options }: Redis): string {
  if (options.sentinels?.length) return `master ${JSON.stringify(options.name)} of Sentinel`;
  return options.path ?? `${options.host ?? 'localhost'}:${options.port ?? 6379}`;
}
