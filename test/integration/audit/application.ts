// A process of the application, as a child of a test: `node --import typescript.mjs application.ts
// <JSON of ApplicationTask>`. Says 'ready', does what it is told, and ends by itself once it is
// closed and nothing holds it.
import { startNestProcess } from '../../support/nest-application.js';
import type { ProcessOptions } from '../../support/trail.js';
import { createAndDestroySessions } from './sessions.js';

export interface ApplicationTask {
  options: ProcessOptions & { redis: string };
}

/** What it can be told. */
export type Order = { make: number } | 'close';

const { options } = JSON.parse(process.argv[2]!) as ApplicationTask;
const app = await startNestProcess(options);
process.send!('ready');

process.on('message', async (order: Order) => {
  if (order !== 'close') {
    for (let made = 0; made < order.make; made += 500) await createAndDestroySessions(app, 250);
    globalThis.gc?.();
    process.send!({ heap: process.memoryUsage().heapUsed });
    return;
  }
  const took = await app.close();
  process.send!({ took });
  process.disconnect();
});
