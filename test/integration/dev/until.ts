import { setTimeout as delay } from 'node:timers/promises';

/** Resolves when the condition holds; the test's own timeout is the limit. */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await delay(5);
}
