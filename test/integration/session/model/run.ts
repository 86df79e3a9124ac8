import { expect } from '@jest/globals';

import type { RedisClient } from '../../../../src/store/bounded-redis.js';
import { openApplication, redisTime, type Application } from '../../../support/application.js';
import { letTimePass } from '../../../support/move-time.js';
import type { RedisUnderTest } from '../../../support/redis-under-test.js';
import { onScript, type ScriptCall } from '../../../support/script-calls.js';
import type { ModelRules, Span } from './session-model.js';

/** A script call of this run, and how much time had been let pass when it was made. */
export interface PastCall {
  call: ScriptCall;
  passed: number;
}

let runs = 0;

/** The real thing that the model is compared with: two processes of an application. */
export class Run {
  /** ms that this run has let pass. */
  passed = 0;
  readonly calls: PastCall[] = [];

  private constructor(
    readonly redis: RedisUnderTest,
    readonly processes: Application[],
  ) {}

  /** On keys of its own, over connections that are already open. */
  static start(redis: RedisUnderTest, clients: RedisClient[], rules: ModelRules): Run {
    const prefix = `run${++runs}`;
    const processes = clients.map((connection) =>
      openApplication(redis, { ...rules, prefix, connection }),
    );
    const run = new Run(redis, processes);
    for (const process of processes) {
      onScript(process, (call) => run.calls.push({ call, passed: run.passed }));
    }
    return run;
  }

  /** One of the two processes, by turns. */
  process(n: number): Application {
    return this.processes[n % this.processes.length]!;
  }

  async letPass(ms: number): Promise<void> {
    await letTimePass(this.process(0), ms);
    this.passed += ms;
  }

  /**
   * Redis's time, and all that this run has let pass: a clock that time travel doesn't disturb.
   * What Redis answers is in its own time, so `passed` is added to it.
   */
  async now(): Promise<number> {
    return (await redisTime(this.process(0), 'anyone')) + this.passed;
  }

  /** A Date that Redis gave, by the undisturbed clock. */
  undisturbed(date: Date): number {
    return date.getTime() + this.passed;
  }

  /** Does it, and says between which two moments. */
  async timed<T>(action: () => Promise<T>): Promise<{ result: T; when: Span }> {
    const from = await this.now();
    const result = await action();
    return { result, when: [from, await this.now()] };
  }
}

export function expectWithin(value: number, [from, to]: Span): void {
  expect(value).toBeGreaterThanOrEqual(from);
  expect(value).toBeLessThanOrEqual(to);
}
