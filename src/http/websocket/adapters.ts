import { socketIo } from './socket-io.js';
import type { LibraryAdapter, SocketAdapter } from './socket-adapter.js';
import { ws } from './ws.js';

/** A TCP socket of Node, which is all that some GraphQL servers expose of a subscription. */
interface NetSocket {
  destroy(): unknown;
  once(event: 'close', listener: () => void): unknown;
}

const netSocket: SocketAdapter = {
  close(socket: NetSocket) {
    socket.destroy();
  },
  onceClosed(socket: NetSocket, listener) {
    socket.once('close', listener);
  },
};

/** The library behind a gateway's server or one of its sockets. */
export function libraryOf(serverOrSocket: object): LibraryAdapter {
  return isSocketIo(serverOrSocket) ? socketIo : ws;
}

/** The adapter for a gateway's socket, or for that of a GraphQL subscription. */
export function adapterOf(socket: object): SocketAdapter {
  const library = libraryOf(socket);
  return library === ws && 'destroy' in socket ? netSocket : library;
}

/** Socket.IO's servers, namespaces and sockets all take middleware; those of `ws` don't. */
function isSocketIo(serverOrSocket: object): boolean {
  return 'use' in serverOrSocket;
}
