// A program for child-process.spec.ts and orphans.spec.ts.
import { setTimeout as delay } from 'node:timers/promises';
import { serveCalls, stopServing } from '../../../dev/child-calls.js';

const methods = {
  echo: async (...args: unknown[]) => [...process.argv.slice(2), ...args],
  fail: (message: string): Promise<never> => Promise.reject(new Error(message)),
  wait: (ms: number) => delay(ms, ms),
  async exit(output: string, code: number) {
    console.log(output);
    process.exit(code);
  },
  async finish(ms: number) {
    setTimeout(() => {}, ms);
    stopServing();
    return 'finishing';
  },
};

export type Example = typeof methods;

serveCalls(methods, async () => console.log('closed'));
