import { closeSocket, whenClosed } from './socket-kinds.js';

/** ms between two looks at the sessions of the open sockets: 'closed within a second' with room. */
const INTERVAL = 400;
/** ms for which sockets stay open while Redis can't confirm their sessions. */
const PATIENCE = 10_000;

/**
 * Closes sockets once their sessions are over, whoever ended them and in which process, expiry
 * included. Each process asks Redis after the sessions of its own sockets: unlike a published
 * message, a read can't get lost. While Redis is away, no session can be ended either, so sockets
 * stay for `PATIENCE`; then they are closed, as this process may be the one that is cut off.
 */
export class LiveSockets {
  private readonly handles = new Map<object, string>();
  private timer: NodeJS.Timeout | undefined;
  private confirmedAt = 0;
  private stopped = false;

  /** @param findEnded which of these sessions, by handle, are over */
  constructor(private readonly findEnded: (handles: string[]) => Promise<string[]>) {}

  /** How many sockets are open. */
  get size(): number {
    return this.handles.size;
  }

  /** Closes the socket when the session ends. */
  watch(socket: object, handle: string): void {
    if (!this.handles.has(socket)) whenClosed(socket, () => this.handles.delete(socket));
    this.handles.set(socket, handle);
    if (this.timer || this.stopped) return;
    this.confirmedAt = performance.now();
    this.schedule();
  }

  close(socket: object, code: string): void {
    if (this.handles.delete(socket)) closeSocket(socket, code);
  }

  stop(): void {
    this.stopped = true;
    clearTimeout(this.timer);
  }

  private schedule(): void {
    this.timer = setTimeout(() => void this.lookAfter(), INTERVAL).unref();
  }

  private async lookAfter(): Promise<void> {
    const asked = performance.now();
    try {
      const ended = new Set(await this.findEnded([...new Set(this.handles.values())]));
      this.confirmedAt = asked;
      if (ended.size > 0) this.closeWhere((handle) => ended.has(handle), 'ERR_SESSION_REQUIRED');
    } catch {
      const unconfirmed = performance.now() - this.confirmedAt;
      if (unconfirmed > PATIENCE) this.closeWhere(() => true, 'ERR_SESSION_REDIS_UNAVAILABLE');
    }
    this.timer = undefined;
    if (this.handles.size > 0 && !this.stopped) this.schedule();
  }

  private closeWhere(isOver: (handle: string) => boolean, code: string): void {
    for (const [socket, handle] of this.handles) {
      if (isOver(handle)) this.close(socket, code);
    }
  }
}
