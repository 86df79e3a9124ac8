import type { ApplicationTask, Order } from './application.js';
import { runChild } from './child.js';

/** A process of the application of its own. */
export interface ApplicationProcess {
  /** Makes so many events, and tells what its heap holds then, bytes. */
  make(events: number): Promise<number>;
  /** Shuts down in good order; how long that took, and until the process was gone, ms. */
  close(): Promise<{ took: number; gone: number }>;
  /** SIGKILL. */
  kill(): Promise<void>;
}

export async function startApplication(
  options: ApplicationTask['options'],
): Promise<ApplicationProcess> {
  const task: ApplicationTask = { options };
  const child = runChild('./application.ts', task, ['--expose-gc']);
  await child.hear();
  const order = (what: Order) => child.say(what);
  return {
    async make(events) {
      order({ make: events });
      return ((await child.hear()) as { heap: number }).heap;
    },
    async close() {
      const from = performance.now();
      order('close');
      const { took } = (await child.hear()) as { took: number };
      await child.ended();
      return { took, gone: performance.now() - from };
    },
    kill: () => child.kill(),
  };
}
