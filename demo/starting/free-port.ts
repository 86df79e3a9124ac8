import { createServer } from 'node:net';

import type { Environment } from './environment.js';
import { StartError } from './start-error.js';

/** Asked before the servers start, so that the answer comes at once. */
export async function requireFreePort({ port, host }: Environment): Promise<void> {
  if (port === 0) return;
  // `localhost` is ::1 for browsers first: somebody there would answer in our place.
  for (const address of new Set([host, '::1'])) {
    const problem = await listenProblem(port, address);
    if (problem === 'EADDRINUSE') {
      throw new StartError(
        `Port ${port} is taken by another program. Choose another one: PORT=${port + 1} npm start`,
      );
    }
    if (problem && address === host) {
      throw new StartError(`The demo can't listen on ${host}, port ${port}: ${problem}.`);
    }
  }
}

/** Whether somebody listens on that port of that address. */
export async function isTaken(port: number, host: string): Promise<boolean> {
  return (await listenProblem(port, host)) === 'EADDRINUSE';
}

/** The code of the error that a server would meet there; undefined for none. */
function listenProblem(port: number, host: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', (error: NodeJS.ErrnoException) => resolve(error.code));
    probe.listen(port, host, () => probe.close(() => resolve(undefined)));
  });
}
