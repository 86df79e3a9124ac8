import { setTimeout as delay } from 'node:timers/promises';

/** Resolves when the condition is true. The timeout of the test is the limit. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await delay(5);
}
