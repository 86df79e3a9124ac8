import { SessionRejection } from '../session-rejection.js';
import { adapterOf } from './adapters.js';

/** Time between two checks (ms): leaves room to close sockets within a second of the end. */
const CHECK_INTERVAL = 400;
/** How long sockets stay open while Redis can't confirm their sessions (ms). */
const UNCONFIRMED_TIMEOUT = 10_000;

interface Watched {
  handle: string;
  /** When Redis last confirmed the session (ms, monotonic clock of this process). */
  aliveAt: number;
}

/**
 * Closes sockets once their sessions have ended, by any process and for any reason, expiry
 * included. Each process reads the sessions of its own sockets from Redis: unlike a published
 * message, a read can't get lost.
 *
 * While Redis is unavailable no session can be ended, so sockets stay open, but only for
 * `UNCONFIRMED_TIMEOUT`: Redis may be unavailable to this process alone.
 */
export class LiveSockets {
  private readonly sockets = new Map<object, Watched>();
  private timer: NodeJS.Timeout | undefined;
  private stopped = false;

  /** @param areAlive whether the sessions with these handles are alive; undefined if unknown */
  constructor(private readonly areAlive: (handles: string[]) => Promise<(boolean | undefined)[]>) {}

  /** Number of open sockets. */
  get size(): number {
    return this.sockets.size;
  }

  /** Closes the socket when the session ends. The session must have been read just now. */
  watch(socket: object, handle: string): void {
    if (!this.sockets.has(socket)) {
      adapterOf(socket).onceClosed(socket, () => this.sockets.delete(socket));
    }
    this.sockets.set(socket, { handle, aliveAt: performance.now() });
    if (!this.timer) this.schedule();
  }

  close(socket: object, rejection: SessionRejection): void {
    if (this.sockets.delete(socket)) adapterOf(socket).close(socket, rejection);
  }

  stop(): void {
    this.stopped = true;
    clearTimeout(this.timer);
  }

  private schedule(): void {
    if (this.stopped) return;
    this.timer = setTimeout(() => void this.checkAll(), CHECK_INTERVAL).unref();
  }

  private async checkAll(): Promise<void> {
    const now = performance.now();
    const handles = [...new Set([...this.sockets.values()].map(({ handle }) => handle))];
    const answers = await this.areAlive(handles);
    const alive = new Map(handles.map((handle, i) => [handle, answers[i]]));
    for (const [socket, watched] of this.sockets) {
      // Skips sockets opened during the read: their sessions have just been found alive.
      if (alive.has(watched.handle)) this.apply(socket, watched, alive.get(watched.handle), now);
    }
    this.timer = undefined;
    if (this.sockets.size > 0) this.schedule();
  }

  private apply(socket: object, watched: Watched, isAlive: boolean | undefined, now: number): void {
    if (isAlive === false) {
      this.close(socket, new SessionRejection('ERR_SESSION_REQUIRED'));
    } else if (isAlive) {
      watched.aliveAt = now;
    } else if (now - watched.aliveAt > UNCONFIRMED_TIMEOUT) {
      this.close(socket, new SessionRejection('ERR_SESSION_REDIS_UNAVAILABLE'));
    }
  }
}
