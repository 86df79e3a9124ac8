import { expect } from '@jest/globals';

import type { Application, ApplicationOptions } from '../../../support/application.js';
import type { ContractApplication } from '../../../support/contract-application.js';
import type { ScriptCall } from '../../../support/script-calls.js';
import type { ModelRules, Span } from './session-model.js';

/** A script call of this run, with how much time the run had let pass before it (ms). */
export interface PastCall {
  call: ScriptCall;
  application: Application;
  passed: number;
}

let runs = 0;

/** Opens a process of a run; on Redis, each call of a script is reported. */
export type OpenProcess = (
  n: number,
  options: ApplicationOptions,
  onCall: (call: ScriptCall, application: Application) => void,
) => ContractApplication;

/** The real system that the model is compared with: two processes of an application. */
export class Run {
  /** The time that this run has let pass (ms). */
  passed = 0;
  readonly calls: PastCall[] = [];

  private readonly processes: ContractApplication[];

  private constructor(open: OpenProcess, options: ApplicationOptions) {
    this.processes = [0, 1].map((n) =>
      open(n, options, (call, application) =>
        this.calls.push({ call, application, passed: this.passed }),
      ),
    );
  }

  /** Uses its own key prefix. */
  static start(open: OpenProcess, rules: ModelRules): Run {
    return new Run(open, { ...rules, prefix: `run${++runs}` });
  }

  /** Even numbers are one process, odd numbers the other. */
  process(n: number): ContractApplication {
    return this.processes[n % this.processes.length]!;
  }

  async letPass(ms: number): Promise<void> {
    await this.process(0).letTimePass(ms);
    this.passed += ms;
  }

  /**
   * How far stored times are behind the time of this run (ms). Only times with this added can be
   * compared across a step that let time pass.
   */
  get moved(): number {
    return this.process(0).moved();
  }

  /** The time of this run. */
  async now(): Promise<number> {
    return (await this.process(0).now('anyone')) + this.moved;
  }

  /** Converts a stored time to the time of this run. */
  toRunTime(date: Date): number {
    return date.getTime() + this.moved;
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
