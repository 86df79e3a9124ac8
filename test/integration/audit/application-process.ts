import { startProgram } from '../../../dev/child-process.js';
import type { ApplicationMethods, ApplicationOptions } from './application.js';

/** The application in a separate process. */
export interface ApplicationProcess {
  /** Creates and ends sessions. Resolves with the heap size after `events` events (bytes). */
  createEvents(events: number): Promise<number>;
  /** Shuts down gracefully. Resolves with the time until Nest had closed and the process exited (ms). */
  close(): Promise<{ closed: number; exited: number }>;
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
    createEvents: (events) => child.call('createEvents', events),
    async close() {
      const start = performance.now();
      const closed = await child.call('close');
      await child.ended;
      return { closed, exited: performance.now() - start };
    },
    kill: () => child.kill(),
  };
}
