import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

// Below the ports that Linux (32768 and up) and macOS (49152 and up) give to outgoing connections. A
// client could take such a port while our server is restarting, and a client that keeps trying to
// connect to it could even connect to itself.
const FIRST_PORT = 22_000;
const PORTS = 10_000;

const used = new Set<number>();

/**
 * A port of 127.0.0.1 that no process listens on. Another process may still take it before the server
 * does, so the caller must try another port if the server reports that it is in use.
 */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < PORTS; tries++) {
    const port = FIRST_PORT + randomInt(PORTS);
    if (used.has(port)) continue;
    used.add(port);
    if (await isFree(port)) return port;
  }
  throw new Error(`127.0.0.1 has no free port from ${FIRST_PORT} to ${FIRST_PORT + PORTS - 1}.`);
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
  });
}
