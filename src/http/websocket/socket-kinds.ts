/** A socket of Socket.IO. */
interface SocketIoSocket {
  emit(event: string, ...args: unknown[]): unknown;
  disconnect(close: boolean): unknown;
  once(event: 'disconnect', listener: () => void): unknown;
}

/** A socket of `ws`, which is the standard's WebSocket. */
interface WsSocket {
  close(code: number, reason: string): void;
  terminate(): void;
  once(event: 'close', listener: () => void): unknown;
}

/** A socket of Node's, where a GraphQL server keeps its WebSocket to itself. */
interface NetSocket {
  destroy(): unknown;
}

/** Close codes of our own (RFC 6455 leaves 4000 to 4999 to applications), by the status they stand for. */
const CLOSE_CODES: Record<string, number> = {
  ERR_SESSION_REQUIRED: 4401,
  ERR_SESSION_REDIS_UNAVAILABLE: 4503,
};
/** ms that a client may take to answer a close frame; `ws` would wait for 30 s. */
const CLOSING = 250;

/** Closes a socket, with the code as the reason. */
export function closeSocket(socket: object, code: string): void {
  if (isSocketIo(socket)) {
    // Its protocol has no reasons, so the code goes ahead as an event.
    socket.emit('exception', { status: 'error', code, message: 'The session is over.' });
    socket.disconnect(true);
    return;
  }
  if (isNetSocket(socket)) {
    socket.destroy();
    return;
  }
  const ws = socket as WsSocket;
  ws.close(CLOSE_CODES[code] ?? 4401, code);
  setTimeout(() => ws.terminate(), CLOSING).unref();
}

export function whenClosed(socket: object, listener: () => void): void {
  if (isSocketIo(socket)) socket.once('disconnect', listener);
  else (socket as WsSocket).once('close', listener);
}

function isSocketIo(socket: object): socket is SocketIoSocket {
  return 'disconnect' in socket;
}

function isNetSocket(socket: object): socket is NetSocket {
  return 'destroy' in socket;
}
