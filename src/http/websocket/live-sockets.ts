import { Logger } from '@nestjs/common';

import { SessionRejection, type SessionRejectionCode } from '../session-rejection.js';
import { adapterOf } from './adapters.js';

/** Time between two checks of a socket, if there are few (ms): they close within a second of the end. */
const CHECK_INTERVAL = 400;
/** How long sockets stay open while Redis can't confirm their sessions (ms). */
const UNCONFIRMED_TIMEOUT = 10_000;
/** Sessions of one slice: one key read each. */
const SLICE = 1_000;
/** Sessions that a process asks Redis about in a second, at most. */
const SESSIONS_PER_SECOND = 50_000;
/** The shortest time between two slices, which keeps to that rate (ms). */
const SLICE_INTERVAL = (SLICE / SESSIONS_PER_SECOND) * 1_000;

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
 * It reads them in slices, spread over the interval, so that many sockets neither burden Redis all at
 * once nor make requests wait. A process with more than 20,000 sessions needs longer for a round: 2 s
 * for 100,000.
 *
 * While Redis is unavailable no session can be ended, so sockets stay open, but only for
 * `UNCONFIRMED_TIMEOUT`: Redis may be unavailable to this process alone.
 */
export class LiveSockets {
  private readonly sockets = new Map<object, Watched>();
  private readonly byHandle = new Map<string, Set<object>>();
  private readonly logger = new Logger('SessionGuard');
  private timer: NodeJS.Timeout | undefined;
  private isChecking = false;
  private stopped = false;

  /** @param areAlive whether the sessions with these handles are alive; undefined if unknown */
  constructor(private readonly areAlive: (handles: string[]) => Promise<(boolean | undefined)[]>) {}

  /** Number of open sockets. */
  get size(): number {
    return this.sockets.size;
  }

  /** Closes the socket when the session ends. The session must have been read just now. */
  watch(socket: object, handle: string): void {
    const isNew = !this.sockets.has(socket);
    if (isNew) adapterOf(socket).onceClosed(socket, () => this.forget(socket));
    else this.forget(socket);
    this.sockets.set(socket, { handle, aliveAt: performance.now() });
    const others = this.byHandle.get(handle);
    if (others) others.add(socket);
    else this.byHandle.set(handle, new Set([socket]));
    if (!this.isChecking) void this.checkForever();
  }

  close(socket: object, rejection: SessionRejection): void {
    if (this.forget(socket)) adapterOf(socket).close(socket, rejection);
  }

  stop(): void {
    this.stopped = true;
    clearTimeout(this.timer);
  }

  private forget(socket: object): boolean {
    const watched = this.sockets.get(socket);
    if (!watched) return false;
    const others = this.byHandle.get(watched.handle);
    others?.delete(socket);
    if (others?.size === 0) this.byHandle.delete(watched.handle);
    return this.sockets.delete(socket);
  }

  /** Checks round after round, as long as there are sockets. */
  private async checkForever(): Promise<void> {
    this.isChecking = true;
    await this.pause(CHECK_INTERVAL);
    while (!this.stopped && this.sockets.size > 0) {
      const handles = inOrderOfBuckets(this.byHandle.keys());
      const slices = Math.ceil(handles.length / SLICE);
      const interval = Math.max(CHECK_INTERVAL / slices, SLICE_INTERVAL);
      for (let from = 0; from < handles.length && !this.stopped; from += SLICE) {
        const begun = performance.now();
        await this.checkSlice(handles.slice(from, from + SLICE));
        await this.pause(interval - (performance.now() - begun));
      }
    }
    this.isChecking = false;
  }

  /** An error of one slice, or of closing one socket, must not end the checking. */
  private async checkSlice(handles: string[]): Promise<void> {
    const now = performance.now();
    const answers = await this.areAlive(handles).catch((error: unknown) => {
      this.logger.error('Open sockets could not be checked; they are checked again.', error);
      return [];
    });
    handles.forEach((handle, i) => {
      for (const socket of this.byHandle.get(handle) ?? []) this.apply(socket, answers[i], now);
    });
  }

  private apply(socket: object, isAlive: boolean | undefined, now: number): void {
    const watched = this.sockets.get(socket)!;
    if (isAlive) watched.aliveAt = Math.max(watched.aliveAt, now);
    else if (isAlive === false) {
      // Opened during the read: its session had just been found alive, and is read again.
      if (watched.aliveAt < now) this.tryToClose(socket, 'ERR_SESSION_REQUIRED');
    } else if (now - watched.aliveAt > UNCONFIRMED_TIMEOUT) {
      this.tryToClose(socket, 'ERR_SESSION_REDIS_UNAVAILABLE');
    }
  }

  private tryToClose(socket: object, code: SessionRejectionCode): void {
    try {
      this.close(socket, new SessionRejection(code));
    } catch (error) {
      this.logger.error('A socket whose session is over could not be closed.', error);
    }
  }

  private pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.timer = setTimeout(resolve, Math.max(0, ms)).unref();
    });
  }
}

/** A slice is of few buckets then, each of which is a request to Redis. */
function inOrderOfBuckets(handles: Iterable<string>): string[] {
  const buckets = new Map<string, string[]>();
  for (const handle of handles) {
    const bucket = handle.slice(0, 2);
    const others = buckets.get(bucket);
    if (others) others.push(handle);
    else buckets.set(bucket, [handle]);
  }
  return [...buckets.values()].flat();
}
