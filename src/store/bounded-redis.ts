import type { Cluster, Redis } from 'ioredis';

import { SessionError } from '../errors.js';
import { faultOf } from './connection-faults.js';
import type { Handover } from './handover.js';
import { whenSlotHasMoved } from './moving-slots.js';
import { noAnswer, redisError } from './redis-errors.js';

/** The longest `redisTimeout` (ms): half the scripts' REPLAY_WINDOW. */
export const MAX_REDIS_TIMEOUT = 5_000;

/** The module's connection: a single Redis (or Valkey) or a Cluster. */
export type RedisClient = Redis | Cluster;

/** A Lua script, ready to run. */
export interface Script {
  readonly name: string;
  readonly source: string;
  readonly sha1: string;
}

/**
 * Runs commands within a bounded time and turns failures into errors of our own. Redis may still
 * run a command that timed out here, so the scripts are safe to run late.
 */
export class BoundedRedis {
  constructor(
    readonly client: RedisClient,
    /** How long a call may take (ms) before it fails with `ERR_SESSION_REDIS_UNAVAILABLE`. */
    readonly timeout: number,
    /** Holds scripts and reads back while Sentinel replaces the master. */
    private readonly handover?: Handover,
  ) {}

  /** Runs a script, at most `timeout`. Waits while the slot of its keys moves to another node. */
  run(script: Script, keys: string[], args: (string | number)[]): Promise<unknown> {
    const evaluate = () => this.evaluate(script, keys, args);
    return this.change(() => whenSlotHasMoved(evaluate, this.timeout));
  }

  /** Runs a script, at most `timeout`. Fails if the slot of its keys is moving: `isSlotMoving`. */
  runUnlessMoving(script: Script, keys: string[], args: (string | number)[]): Promise<unknown> {
    return this.change(() => this.evaluate(script, keys, args));
  }

  private change<T>(run: () => Promise<T>): Promise<T> {
    const held = this.handover?.untilChanges();
    return this.bounded(held ? held.then(run) : run());
  }

  /** Runs a read, at most `timeout`. */
  boundedRead<T>(read: () => Promise<T>): Promise<T> {
    const held = this.handover?.untilReads();
    return this.bounded(held ? held.then(read) : read());
  }

  /** EVALSHA, then EVAL if this Redis (restarted, failed over) doesn't know the script yet. */
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
      const timer = setTimeout(() => {
        reject(
          this.handover?.isHeld ? heldBack(this.timeout) : noAnswer(this.client, this.timeout),
        );
      }, this.timeout);
      command.then(
        (reply) => {
          clearTimeout(timer);
          resolve(reply);
        },
        (error: unknown) => {
          clearTimeout(timer);
          reject(redisError(error, faultOf(this.client)));
        },
      );
    });
  }
}

function heldBack(timeout: number): SessionError {
  return new SessionError(
    'ERR_SESSION_REDIS_UNAVAILABLE',
    `Sentinel is replacing the master, and had not finished within ${timeout} ms. Retry; the ` +
      'option `redisTimeout` sets the time.',
  );
}
