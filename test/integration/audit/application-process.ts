import { startProgram } from '../../../dev/child-process.js';
import type { ApplicationMethods, ApplicationOptions } from './application.js';

/** The application in a process of its own. */
export interface ApplicationProcess {
  /** Creates and ends sessions. Resolves with the heap size after `events` events (bytes). */
  make(events: number): Promise<number>;
  /**
   * Shuts down in good order. `took` is the application's own shutdown time, `gone` the time until
   * the process had ended (ms).
   */
  close(): Promise<{ took: number; gone: number }>;
  /** SIGKILL. */
  kill(): Promise<void>;
}

export async function startApplication(options: ApplicationOptions): Promise<ApplicationProcess> {
  const child = startProgram<ApplicationMethods>(new URL('./application.ts', import.meta.url), {
    args: [JSON.stringify(options)],
    nodeOptions: ['--expose-gc'],
    timeout: Infinity, // the timeout of the test is the limit
  });
  await child.ready();
  return {
    make: (events) => child.call('make', events),
    async close() {
      const start = performance.now();
      const took = await child.call('close');
      await child.ended;
      return { took, gone: performance.now() - start };
    },
    kill: () => child.kill(),
  };
}
