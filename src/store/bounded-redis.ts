import type { Cluster, Redis } from 'ioredis';

import { SessionError } from '../errors.js';
import type { Script } from './scripts.js';

/** What the module talks to: a single Redis (or Valkey) or a Cluster. */
export type RedisClient = Redis | Cluster;

/**
 * Replies that mean 'not now': Redis is loading, failing over, or blocked. ioredis follows `MOVED`
 * and `ASK` itself, but lets some through where a failover meets its auto-pipelining.
 */
const UNAVAILABLE =
  /^(LOADING|READONLY|CLUSTERDOWN|MASTERDOWN|TRYAGAIN|MOVED|ASK|BUSY|MISCONF|NOREPLICAS|UNBLOCKED)\b/;

/**
 * Runs commands within a bounded time and turns what goes wrong into errors of our own.
 * A command that ran out of time may still be executed: hence scripts that are safe to run late.
 */
export class BoundedRedis {
  constructor(
    readonly client: RedisClient,
    /** ms that a call may take; then it fails with `ERR_SESSION_REDIS_UNAVAILABLE`. */
    readonly timeout: number,
  ) {}

  /** EVALSHA, and EVAL where this Redis (restarted, failed over) doesn't know the script yet. */
  async run(script: Script, keys: string[], args: (string | number)[]): Promise<unknown> {
    return this.bounded(this.evaluate(script, keys, args));
  }

  private async evaluate(script: Script, keys: string[], args: (string | number)[]) {
    try {
      return await this.client.evalsha(script.sha1, keys.length, ...keys, ...args);
    } catch (error) {
      if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error;
      return this.client.eval(script.source, keys.length, ...keys, ...args);
    }
  }

  /** Waits for a command, at most `timeout`. */
  bounded<T>(command: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(noAnswer(this.timeout)), this.timeout);
      command.then(
        (reply) => {
          clearTimeout(timer);
          resolve(reply);
        },
        (error: unknown) => {
          clearTimeout(timer);
          reject(redisError(error));
        },
      );
    });
  }
}

function noAnswer(timeout: number): SessionError {
  return new SessionError(
    'ERR_SESSION_REDIS_UNAVAILABLE',
    `Redis gave no answer within ${timeout} ms. Check that it is up and reachable; ` +
      'the time is set by the option `redisTimeout`.',
  );
}

/** Our own error for whatever ioredis threw. */
export function redisError(cause: unknown): SessionError {
  if (cause instanceof SessionError) return cause;
  const message = cause instanceof Error ? cause.message : String(cause);
  if (message.startsWith('OOM')) {
    return new SessionError(
      'ERR_SESSION_REDIS_FULL',
      'Redis is out of memory, so no session can begin or change; ending sessions still works. ' +
        'Raise `maxmemory` or give the server more memory.',
      { cause },
    );
  }
  const isReply = cause instanceof Error && cause.name === 'ReplyError';
  if (isReply && !UNAVAILABLE.test(message)) {
    return new SessionError('ERR_SESSION_REDIS_REFUSED', `Redis refused a command: ${message}`, {
      cause,
    });
  }
  return new SessionError(
    'ERR_SESSION_REDIS_UNAVAILABLE',
    `Redis can't be used now: ${message}. Check that it is up and reachable.`,
    { cause },
  );
}
