import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

// Below the ports that Linux (32768 and up) and macOS (49152 and up) hand to outgoing connections.
// A port of theirs can be taken by any client while our server is down for a restart, and a client
// that keeps knocking at such a port may even end up connected to itself.
const FIRST_PORT = 22_000;
const PORTS = 10_000;

const handedOut = new Set<number>();

/**
 * A port of 127.0.0.1 that nobody listens on. It can still be lost to another process before the
 * server binds it, so the caller starts anew on another port when the server says so.
 */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < PORTS; tries++) {
    const port = FIRST_PORT + randomInt(PORTS);
    if (handedOut.has(port)) continue;
    handedOut.add(port);
    if (await isFree(port)) return port;
  }
  throw new Error(`No free port on 127.0.0.1 from ${FIRST_PORT} to ${FIRST_PORT + PORTS - 1}.`);
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
  });
}
