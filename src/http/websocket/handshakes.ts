import type { HttpHeaders } from '../http-messages.js';

/** What a client said when it opened its socket. */
export interface Handshake {
  headers: HttpHeaders;
  /** Of Socket.IO's `auth`, which browsers can send in place of a header. */
  token?: string;
}

/** A socket of Socket.IO, which keeps its handshake. */
interface SocketIoSocket {
  handshake: { headers: HttpHeaders; auth?: { token?: unknown } };
}

/** Sockets of `ws` don't keep theirs. */
const requests = new WeakMap<object, { headers: HttpHeaders }>();

export function rememberHandshake(socket: object, request: { headers: HttpHeaders }): void {
  requests.set(socket, request);
}

/** The handshake of a socket; empty, so that no session is found, for one that wasn't seen. */
export function handshakeOf(socket: object): Handshake {
  if (!isSocketIo(socket)) return { headers: requests.get(socket)?.headers ?? {} };
  const { headers, auth } = socket.handshake;
  return { headers, token: typeof auth?.token === 'string' ? auth.token : undefined };
}

function isSocketIo(socket: object): socket is SocketIoSocket {
  return 'handshake' in socket;
}
