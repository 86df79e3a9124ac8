import type { SessionService } from '../../src/session/session.service.js';
import {
  openApplication,
  redisTime,
  type Application,
  type ApplicationOptions,
} from './application.js';
import { expectInvariants } from './invariants.js';
import { dumpKeys } from './key-dump.js';
import { letTimePass, letTimePassFor } from './move-time.js';
import { readOutbox, type OutboxEvent } from './outbox.js';
import type { RedisUnderTest } from './redis-under-test.js';

/** One process of an application whose sessions are in Redis or, in the project `memory`, are not. */
export interface ContractApplication {
  readonly service: SessionService;
  readonly prefix: string;
  /** The events so far, in order for each user. */
  events(): Promise<OutboxEvent[]>;
  eventsOf(handle: string): Promise<OutboxEvent[]>;
  /** The time that decides about the user's sessions (ms since 1970). */
  now(userId: string): Promise<number>;
  /** Lets time pass (ms) for one user, which is faster, or for all of them. */
  letTimePass(ms: number, userId?: string): Promise<void>;
  /**
   * How far stored times are behind the clock (ms), because time passes in Redis by moving them
   * back: see `move-time.lua`.
   */
  moved(): number;
  /** Ends a batch of a bucket's expired sessions; true if there may be more. */
  sweep(bucket: number): Promise<boolean>;
  sweepAll(): Promise<void>;
  /** Everything that is stored, to compare. */
  stored(): Promise<unknown[]>;
  /** What is stored besides events. */
  storedSessions(): Promise<unknown[]>;
  expectInvariants(): Promise<void>;
  close(): Promise<void>;
}

/** One whose sessions are in Redis, for tests that look at the keys. */
export interface RedisApplication extends ContractApplication {
  readonly application: Application;
}

/** How far each prefix's stored times have been moved back; its applications share them. */
const movedBack = new Map<string, number>();

export function openOnRedis(redis: RedisUnderTest, options?: ApplicationOptions): RedisApplication {
  const application = openApplication(redis, options);
  const { service, prefix, upkeep } = application;
  return {
    application,
    service,
    prefix,
    events: () => readOutbox(application),
    eventsOf: async (handle) =>
      (await readOutbox(application)).filter((event) => event.handle === handle),
    now: (userId) => redisTime(application, userId),
    async letTimePass(ms, userId) {
      if (userId === undefined) await letTimePass(application, ms);
      else await letTimePassFor(application, userId, ms);
      movedBack.set(prefix, (movedBack.get(prefix) ?? 0) + ms);
    },
    moved: () => movedBack.get(prefix) ?? 0,
    sweep: (bucket) => upkeep.sweep(bucket),
    sweepAll: () => upkeep.sweepAll(),
    stored: () => dumpKeys(redis, `${prefix}:`),
    storedSessions: async () =>
      (await dumpKeys(redis, `${prefix}:`)).filter(({ key }) => !/:[on]$/.test(key)),
    expectInvariants: () => expectInvariants(redis, application),
    close: () => application.close(),
  };
}
