import { Logger } from '@nestjs/common';

import type { HttpHeaders } from '../http-messages.js';
import { SessionRejection } from '../session-rejection.js';
import type { HandshakeCheck, LibraryAdapter } from './socket-adapter.js';

/** The HTTP request that opens a socket. */
interface Request {
  headers: HttpHeaders;
}

interface Server {
  options: { verifyClient?: VerifyClient };
  on(event: 'connection', listener: ConnectionListener): unknown;
  prependListener(event: 'connection', listener: ConnectionListener): unknown;
}

/** With one parameter, `ws` takes what it returns; with two, it calls `verified`. */
type VerifyClient = (info: { req: Request }, verified: Verified) => unknown;

type ConnectionListener = (socket: Socket, request: Request) => void;

type Verified = (
  verified: boolean,
  status?: number,
  body?: string,
  headers?: Record<string, string>,
) => void;

interface Socket {
  close(code: number, reason: string): void;
  terminate(): void;
  once(event: 'close', listener: () => void): unknown;
}

const logger = new Logger('SessionGuard');

/** How long a client may take to answer a close frame (ms); `ws` itself waits for 30 s. */
const CLOSE_TIMEOUT = 250;

/** Sockets of `ws` don't keep the request that opened them. */
const requests = new WeakMap<object, Request>();

export const ws: LibraryAdapter = {
  prepareServer(server: Server, check?: HandshakeCheck) {
    // Before Nest's own listener, which may pass a message to the guards at once.
    server.prependListener('connection', (socket, request) => void requests.set(socket, request));
    if (check) guard(server, check);
  },
  /** Empty for a socket that no prepared server has accepted; no session is found then. */
  handshakeOf(socket) {
    return { headers: requests.get(socket)?.headers ?? {} };
  },
  close,
  onceClosed(socket: Socket, listener) {
    socket.once('close', listener);
  },
};

function guard(server: Server, check: HandshakeCheck): void {
  const { verifyClient } = server.options;
  server.options.verifyClient = async (info, verified) => {
    const { req } = info;
    const error = await check.rejectionOf(req, { headers: req.headers });
    if (error) reject(error, verified);
    // The application, or another gateway on the same server, may have its own check.
    else if (!verifyClient) verified(true);
    else if (verifyClient.length === 2) verifyClient(info, verified);
    else verifyAtOnce(verifyClient, info, verified);
  };
  server.on('connection', (socket, request) => {
    if (!check.watch(socket, request)) close(socket, new SessionRejection('ERR_SESSION_REQUIRED'));
  });
}

/** An error must not leave the handshake unanswered. */
function verifyAtOnce(
  verifyClient: VerifyClient,
  info: { req: Request },
  verified: Verified,
): void {
  let accepts: unknown = false;
  try {
    accepts = verifyClient(info, verified);
  } catch (error) {
    logger.error('`verifyClient` has failed, so the handshake is rejected.', error);
  }
  verified(Boolean(accepts), 401);
}

/** Answers the handshake, which is an HTTP request, with an HTTP response. */
function reject(error: Error, verified: Verified): void {
  if (!(error instanceof SessionRejection)) {
    verified(false, 500);
    return;
  }
  // Same spelling as in `ws`; otherwise the response would have this header twice.
  const headers = { 'Content-Type': 'application/json', ...error.headers };
  verified(false, error.getStatus(), JSON.stringify(error.getResponse()), headers);
}

/** The close code is 4000 plus the HTTP status; RFC 6455 leaves 4000 to 4999 to applications. */
function close(socket: Socket, rejection: SessionRejection): void {
  socket.close(4000 + rejection.getStatus(), rejection.code);
  setTimeout(() => socket.terminate(), CLOSE_TIMEOUT).unref();
}
