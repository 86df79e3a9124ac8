import type { SessionRejection } from '../session-rejection.js';

/** What a client is told of a refusal over a socket. */
export interface SocketRefusal {
  status: 'error';
  code: string;
  message: string;
}

export function socketRefusal({ code, message }: SessionRejection): SocketRefusal {
  return { status: 'error', code, message };
}

/** What Nest sends to the client as an `exception` event; it knows no HTTP exceptions there. */
export async function asSocketError(rejection: SessionRejection): Promise<Error> {
  // There is a gateway, so the optional package is there.
  const { WsException } = await import('@nestjs/websockets');
  return new WsException(socketRefusal(rejection));
}
