import { rememberHandshake } from './handshakes.js';
import type { HttpHeaders } from '../http-messages.js';
import { contextOfHandshake } from '../request-context.js';
import type { SessionAuthenticator } from '../session.authenticator.js';
import { SessionRejection } from '../session-rejection.js';
import { socketRefusal } from './socket-error.js';
import { closeSocket } from './socket-kinds.js';

interface Request {
  headers: HttpHeaders;
}

/** Socket.IO's server, or one of its namespaces. */
interface SocketIoServer {
  use(middleware: (socket: object, next: (error?: Error) => void) => void): unknown;
  on(event: 'connection', listener: (socket: object) => void): unknown;
}

type Verified = (
  verified: boolean,
  status?: number,
  body?: string,
  headers?: Record<string, string>,
) => void;

/** The server of `ws`. */
interface WsServer {
  options: { verifyClient?: (info: { req: Request }, verified: Verified) => void };
  on(event: 'connection', listener: (socket: object, request: Request) => void): unknown;
}

/** Has guards find the handshake of each socket. Those of Socket.IO bring theirs along. */
export function rememberHandshakes(server: object): void {
  if (isSocketIo(server)) return;
  // First of all listeners: Nest's own may hand a message to the guards at once.
  (server as WsServer & { prependListener: WsServer['on'] }).prependListener(
    'connection',
    rememberHandshake,
  );
}

/** Refuses handshakes without a valid session, and closes the others once theirs is over. */
export function guardHandshakes(server: object, gate: SessionAuthenticator, fresh?: number): void {
  if (isSocketIo(server)) guardSocketIo(server, gate, fresh);
  else guardWs(server as WsServer, gate, fresh);
}

function guardSocketIo(server: SocketIoServer, gate: SessionAuthenticator, fresh?: number): void {
  server.use(async (socket, next) => {
    // Not yet a socket to watch: another middleware may still refuse it.
    const handshake = { ...contextOfHandshake(socket), socket: undefined };
    const error = await refusalOf(gate.authenticate(handshake, fresh));
    next(error && connectError(error));
  });
  server.on('connection', async (socket) => {
    const valid = gate.sessionOf(socket);
    if (valid) {
      gate.sockets.watch(socket, valid.session.handle);
      return;
    }
    // A connection that Socket.IO recovers may come without having passed the middleware.
    const error = await refusalOf(gate.authenticate(contextOfHandshake(socket), fresh));
    if (error) closeSocket(socket, codeOf(error));
  });
}

/** Why nobody is admitted; undefined where somebody is. */
function refusalOf(admission: Promise<unknown>): Promise<Error | undefined> {
  return admission.then(
    () => undefined,
    (error: unknown) => (error instanceof Error ? error : new Error(String(error))),
  );
}

function codeOf(error: Error): string {
  return error instanceof SessionRejection ? error.code : 'ERR_SESSION_REQUIRED';
}

/** Socket.IO sends the message and `data` to the client, in a `connect_error` event. */
function connectError(error: Error): Error {
  if (!(error instanceof SessionRejection)) return new Error('Internal server error');
  return Object.assign(new Error(error.message), { data: socketRefusal(error) });
}

function guardWs(server: WsServer, gate: SessionAuthenticator, fresh?: number): void {
  const { verifyClient } = server.options;
  server.options.verifyClient = async (info, verified) => {
    const { req } = info;
    const error = await refusalOf(gate.authenticate({ subject: req, headers: req.headers }, fresh));
    if (error) refuse(error, verified);
    // What the application, or another gateway on this server, demands holds as well.
    else if (verifyClient) verifyClient(info, verified);
    else verified(true);
  };
  server.on('connection', (socket, request) => {
    const valid = gate.sessionOf(request);
    if (valid) gate.sockets.watch(socket, valid.session.handle);
    else closeSocket(socket, 'ERR_SESSION_REQUIRED');
  });
}

/** The handshake is an HTTP request, and answered like one. */
function refuse(error: Error, verified: Verified): void {
  if (!(error instanceof SessionRejection)) {
    verified(false, 500);
    return;
  }
  // Written as `ws` writes it, or there would be two of it.
  const headers = { 'Content-Type': 'application/json', ...error.headers };
  verified(false, error.getStatus(), JSON.stringify(error.getResponse()), headers);
}

function isSocketIo(server: object): server is SocketIoServer {
  return 'use' in server;
}
