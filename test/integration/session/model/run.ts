import { expect } from '@jest/globals';

import type { RedisClient } from '../../../../src/store/bounded-redis.js';
import { openApplication, redisTime, type Application } from '../../../support/application.js';
import { letTimePass } from '../../../support/move-time.js';
import type { RedisUnderTest } from '../../../support/redis-under-test.js';
import { onScript, type ScriptCall } from '../../../support/script-calls.js';
import type { ModelRules, Span } from './session-model.js';

/** A script call of this run, with how much time the run had let pass before it (ms). */
export interface PastCall {
  call: ScriptCall;
  passed: number;
}

let runs = 0;

/** The real system that the model is compared with: two processes of an application. */
export class Run {
  /** The time that this run has let pass (ms). */
  passed = 0;
  readonly calls: PastCall[] = [];

  private constructor(
    readonly redis: RedisUnderTest,
    readonly processes: Application[],
  ) {}

  /** Uses its own key prefix, over connections that are already open. */
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

  /** Even numbers are one process, odd numbers the other. */
  process(n: number): Application {
    return this.processes[n % this.processes.length]!;
  }

  async letPass(ms: number): Promise<void> {
    await letTimePass(this.process(0), ms);
    this.passed += ms;
  }

  /**
   * The time of this run: Redis's time plus `passed`. To let time pass, a test moves all stored
   * times back, so only times with `passed` added can be compared across such a step.
   */
  async now(): Promise<number> {
    return (await redisTime(this.process(0), 'anyone')) + this.passed;
  }

  /** Converts a time that Redis returned to the time of this run. */
  toRunTime(date: Date): number {
    return date.getTime() + this.passed;
  }

  /** Runs the action and returns the two times between which it ran. */
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
