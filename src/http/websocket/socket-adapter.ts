import type { HttpHeaders } from '../http-messages.js';
import type { SessionRejection } from '../session-rejection.js';

/** Credentials that a client sent when it opened its socket. */
export interface Handshake {
  headers: HttpHeaders;
  /** From Socket.IO's `auth` payload: browsers can't set headers on a handshake. */
  token?: string;
}

/** Checks the handshakes of one gateway. */
export interface HandshakeCheck {
  /**
   * Authenticates a handshake.
   *
   * @param subject the object under which the session is remembered
   * @returns the error to reject it with, or undefined if it is accepted
   */
  rejectionOf(subject: object, handshake: Handshake): Promise<Error | undefined>;
  /**
   * Closes the socket once the session that was found for `subject` ends.
   *
   * @returns whether a session was found for it
   */
  watch(socket: object, subject: object): boolean;
}

/** How to close one kind of socket. */
export interface SocketAdapter {
  close(socket: object, rejection: SessionRejection): void;
  onceClosed(socket: object, listener: () => void): void;
}

/** A WebSocket library that Nest's gateways can run on. */
export interface LibraryAdapter extends SocketAdapter {
  /** The handshake of an open socket. */
  handshakeOf(socket: object): Handshake;
  /**
   * Prepares a gateway's server. Without `check` all handshakes are accepted, but `handshakeOf`
   * still finds them, for guards on single messages.
   */
  prepareServer(server: object, check?: HandshakeCheck): void;
}
