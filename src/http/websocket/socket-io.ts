import type { HttpHeaders } from '../http-messages.js';
import { SessionRejection, socketRejection } from '../session-rejection.js';
import type { Handshake, HandshakeCheck, LibraryAdapter } from './socket-adapter.js';

/** A server of Socket.IO, or one of its namespaces. */
interface Server {
  use(middleware: (socket: Socket, next: (error?: Error) => void) => void): unknown;
  on(event: 'connection', listener: (socket: Socket) => void): unknown;
}

interface Socket {
  handshake: { headers: HttpHeaders; auth?: { token?: unknown } };
  emit(event: string, ...args: unknown[]): unknown;
  disconnect(close: boolean): unknown;
  once(event: 'disconnect', listener: () => void): unknown;
}

export const socketIo: LibraryAdapter = {
  prepareServer(server: Server, check?: HandshakeCheck) {
    if (check) guard(server, check);
  },
  handshakeOf,
  close,
  onceClosed(socket: Socket, listener) {
    socket.once('disconnect', listener);
  },
};

function handshakeOf({ handshake: { headers, auth } }: Socket): Handshake {
  return { headers, token: typeof auth?.token === 'string' ? auth.token : undefined };
}

function guard(server: Server, check: HandshakeCheck): void {
  server.use(async (socket, next) => {
    // Not watched yet: another middleware may still reject the socket.
    const error = await check.rejectionOf(socket, handshakeOf(socket));
    next(error && connectError(error));
  });
  server.on('connection', async (socket) => {
    if (check.watch(socket, socket)) return;
    // Socket.IO's connection state recovery can skip the middleware.
    const error = await check.rejectionOf(socket, handshakeOf(socket));
    if (error) close(socket, asSessionRejection(error));
    else check.watch(socket, socket);
  });
}

/** Socket.IO sends the message and `data` to the client in a `connect_error` event. */
function connectError(error: Error): Error {
  if (!(error instanceof SessionRejection)) return new Error('Internal server error');
  return Object.assign(new Error(error.message), { data: socketRejection(error) });
}

function asSessionRejection(error: Error): SessionRejection {
  return error instanceof SessionRejection ? error : new SessionRejection('ERR_SESSION_REQUIRED');
}

/** The protocol has no close reasons, so an event carries the reason first. */
function close(socket: Socket, rejection: SessionRejection): void {
  socket.emit('exception', socketRejection(rejection));
  socket.disconnect(true);
}
