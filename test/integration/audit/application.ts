// A process of the application. `application-process.ts` starts it, with its `ApplicationOptions` as
// JSON.
import { serveCalls, stopServing } from '../../../dev/child-calls.js';
import { startNestProcess } from '../../support/nest-application.js';
import type { ProcessOptions } from '../../support/trail.js';
import { createAndDestroySessions } from './sessions.js';

export type ApplicationOptions = ProcessOptions & { redis: string };

const app = await startNestProcess(JSON.parse(process.argv[2]!) as ApplicationOptions);

const methods = {
  /** Creates and ends sessions. Resolves with the heap size after `events` events (bytes). */
  async createEvents(events: number): Promise<number> {
    for (let created = 0; created < events; created += 500)
      await createAndDestroySessions(app, 250);
    globalThis.gc?.();
    return process.memoryUsage().heapUsed;
  },
  /** Closes the application; the process ends by itself unless something keeps it alive. */
  async close(): Promise<number> {
    const took = await app.close();
    stopServing();
    return took;
  },
};

export type ApplicationMethods = typeof methods;

serveCalls(methods);
