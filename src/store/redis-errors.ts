import type { Cluster, Redis } from 'ioredis';

import { isError, messageOf, SessionError } from '../errors.js';
import { faultOf, type ConnectionFault } from './connection-faults.js';

/**
 * Replies that mean 'not now': Redis is loading, failing over or blocked, or a slot is moving. ioredis
 * follows `MOVED` and `ASK` itself, but only so often.
 */
const NOT_NOW =
  /^(LOADING|READONLY|CLUSTERDOWN|MASTERDOWN|TRYAGAIN|MOVED|ASK|BUSY|MISCONF|NOREPLICAS|UNBLOCKED|ERR max number of clients|ERR Script attempted to access a non local key)\b/;

/** Replies about the user of the connection. A password that is being changed fails like this as well. */
const DENIED =
  /\b(NOAUTH|WRONGPASS|NOPERM)\b|user executing the script can't|ACL failure in script/;

/** What to do about a failure, by its message. The first that matches counts. */
const REMEDIES: [pattern: RegExp, remedy: string][] = [
  [/\bNOAUTH\b/, 'This Redis wants a password: set `username` and `password`, also in the URL.'],
  [/\bWRONGPASS\b/, 'Check the user and the password of the option `redis`.'],
  [
    /\bNOPERM\b|user executing the script|ACL failure/,
    "Give the user the commands and keys of docs/operations.md, under 'A user for the module'.",
  ],
  [/max number of clients/, 'Raise `maxclients`, or find out what holds so many connections.'],
  [/\bLOADING\b/, 'Redis is reading its data after a start. Wait.'],
  [/\bBUSY\b/, 'A script of another program blocks Redis: SCRIPT KILL ends it.'],
  [/\bMASTERDOWN\b/, 'This is a replica that has lost its master: give the address of the master.'],
  [
    /cluster support disabled/,
    'This Redis is not in cluster mode: give its URL or host and port instead of `nodes`.',
  ],
  [
    /no TLS connection/,
    'Check the address. A port for plain text does this if it is spoken to in TLS (use redis://).',
  ],
  [
    /wrong version number|packet length too long|record layer|ssl3_get_record/i,
    'This port speaks plain text, not TLS: use redis:// or another port.',
  ],
  [
    /altname|does not match certificate/i,
    'The certificate is for another name: use that name, or set `tls.servername` to it.',
  ],
  [
    /self[- ]signed|certificate|unable to verify/i,
    'Give the CA that signed it: `tls: { ca }`, or the variable NODE_EXTRA_CA_CERTS.',
  ],
  [
    /before it answered|Protocol error/,
    'A port for TLS does this if it is spoken to in plain text (use rediss://), and so do a Redis ' +
      'that has `maxclients` connections and a server that is not a Redis.',
  ],
  [
    /ENOTFOUND|EAI_AGAIN/,
    'Check the host name in the option `redis` (often REDIS_URL), and the DNS.',
  ],
  [
    /ECONNREFUSED|ENOENT|EACCES|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH/,
    'Start it, or set the option `redis` (often REDIS_URL) to its address.',
  ],
  [
    /^no answer within/,
    'Check that it is up and reachable; the option `redisTimeout` sets the time of a call.',
  ],
];

/** Turns whatever ioredis threw into an error of our own. */
export function redisError(cause: unknown, fault?: ConnectionFault): SessionError {
  if (cause instanceof SessionError) return cause;
  const message = messageOf(cause);
  if (message.startsWith('OOM')) {
    return new SessionError(
      'ERR_SESSION_REDIS_FULL',
      'Redis is out of memory: sessions can be ended, but not created or changed. ' +
        'Raise `maxmemory` or give the server more memory.',
      { cause },
    );
  }
  const isReply = isError(cause) && cause.name === 'ReplyError';
  if (isReply && !NOT_NOW.test(message) && !DENIED.test(message)) {
    return new SessionError('ERR_SESSION_REDIS_REFUSED', `Redis rejected a command: ${message}`, {
      cause,
    });
  }
  return fault && !isReply ? unavailable(fault.reason, fault.cause) : unavailable(message, cause);
}

/** The error of a call that Redis has not answered in time. */
export function noAnswer(client: Redis | Cluster, timeout: number): SessionError {
  const fault = faultOf(client);
  const message = `no answer within ${Math.round(timeout)} ms`;
  if (fault) return unavailable(`${message}: ${fault.reason}`, fault.cause);
  // The ready check asks for INFO, again and again while Redis is loading.
  if (client.status === 'connect' && !('nodes' in client)) {
    return unavailable(`${message}. It accepts connections, but is not ready: LOADING`);
  }
  return unavailable(message);
}

/** Whether Redis rejected the user of the connection, its password or its rights. */
export function isAccessDenied(error: unknown): boolean {
  if (!isError(error)) return false;
  return DENIED.test(error.message) || isAccessDenied(error.cause);
}

/** Failures that a start waits out. A wrong address or password stays wrong. */
const PASSING =
  /no answer within|max number of clients|ETIMEDOUT|ECONNRESET|Socket timeout|connection was closed|\b(LOADING|READONLY|CLUSTERDOWN|MASTERDOWN|TRYAGAIN|BUSY|MISCONF|NOREPLICAS|UNBLOCKED)\b/;

/** Whether trying again may help. */
export function isPassing(error: unknown): boolean {
  if (!(error instanceof SessionError) || isAccessDenied(error)) return false;
  return error.code === 'ERR_SESSION_REDIS_UNAVAILABLE' && PASSING.test(error.message);
}

function unavailable(reason: string, cause?: unknown): SessionError {
  const [, remedy] = REMEDIES.find(([pattern]) => pattern.test(reason)) ?? [];
  return new SessionError(
    'ERR_SESSION_REDIS_UNAVAILABLE',
    `Redis is unavailable: ${reason.replace(/\.$/, '')}. ${remedy ?? 'Check that it is up and reachable.'}`,
    cause === undefined ? {} : { cause },
  );
}
