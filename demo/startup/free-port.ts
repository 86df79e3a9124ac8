import { createServer } from 'node:net';

import type { Environment } from './environment.js';
import { StartError } from './start-error.js';

/** Checks the port before the servers start, so that the error appears at once. */
export async function requireFreePort({ port, host }: Environment): Promise<void> {
  if (port === 0) return;
  // Browsers try ::1 first for `localhost`, so a program there would answer instead of the demo.
  for (const address of new Set([host, '::1'])) {
    const code = await listenError(port, address);
    if (code === 'EADDRINUSE') {
      throw new StartError(
        `Port ${port} is already in use. Choose another one: PORT=${port + 1} npm start`,
      );
    }
    if (code && address === host) {
      throw new StartError(`Can't listen on host ${host}, port ${port}: ${code}.`);
    }
  }
}

/** Whether a program listens on this address and port. */
export async function isPortInUse(port: number, host: string): Promise<boolean> {
  return (await listenError(port, host)) === 'EADDRINUSE';
}

/** Tries to listen, and returns the code of the error, if any. */
function listenError(port: number, host: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', (error: NodeJS.ErrnoException) => resolve(error.code));
    probe.listen(port, host, () => probe.close(() => resolve(undefined)));
  });
}
