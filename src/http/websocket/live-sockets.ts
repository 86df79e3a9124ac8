import { closeSocket, whenClosed } from './socket-kinds.js';

/** ms between two looks at the sessions of the open sockets: 'closed within a second' with room. */
const INTERVAL = 400;
/** ms for which sockets stay open while Redis can't confirm their sessions. */
const UNCONFIRMED_TIMEOUT = 10_000;

/**
 * Closes sockets once their sessions are over, whoever ended them and in which process, expiry
 * included. Each process asks Redis after the sessions of its own sockets: unlike a published
 * message, a read can't get lost. While Redis is away, no session can be ended either, so sockets
 * stay for `PATIENCE`; then they are closed, as this process may be the one that is cut off.
 */
export class LiveSockets {
  private readonly sockets = new Map<object, Watched>();
  private timer: NodeJS.Timeout | undefined;
  private stopped = false;

  /** @param areAlive whether these sessions, by handle, are alive; undefined: nobody can tell */
  constructor(private readonly areAlive: (handles: string[]) => Promise<(boolean | undefined)[]>) {}

  /** How many sockets are open. */
  get size(): number {
    return this.sockets.size;
  }

  /** Closes the socket when the session ends, which was alive just now. */
  watch(socket: object, handle: string): void {
    if (!this.sockets.has(socket)) whenClosed(socket, () => this.sockets.delete(socket));
    this.sockets.set(socket, { handle, aliveAt: performance.now() });
    if (!this.timer) this.schedule();
  }

  close(socket: object, code: string): void {
    if (this.sockets.delete(socket)) closeSocket(socket, code);
  }

  stop(): void {
    this.stopped = true;
    clearTimeout(this.timer);
  }

  private schedule(): void {
    if (this.stopped) return;
    this.timer = setTimeout(() => void this.lookAfter(), INTERVAL).unref();
  }

  private async lookAfter(): Promise<void> {
    const now = performance.now();
    const handles = [...new Set([...this.sockets.values()].map(({ handle }) => handle))];
    const answers = await this.areAlive(handles);
    const alive = new Map(handles.map((handle, i) => [handle, answers[i]]));
    for (const [socket, watched] of this.sockets) {
      // One that was opened meanwhile has just been judged.
      if (alive.has(watched.handle)) this.judge(socket, watched, alive.get(watched.handle), now);
    }
    this.timer = undefined;
    if (this.sockets.size > 0) this.schedule();
  }

  private judge(socket: object, watched: Watched, isAlive: boolean | undefined, now: number): void {
    if (isAlive === false) this.close(socket, 'ERR_SESSION_REQUIRED');
    else if (isAlive) watched.aliveAt = now;
    else if (now - watched.aliveAt > UNCONFIRMED_TIMEOUT)
      this.close(socket, 'ERR_SESSION_REDIS_UNAVAILABLE');
  }
}

interface Watched {
  handle: string;
  /** When Redis last said so, by the process's monotonic clock. */
  aliveAt: number;
}
