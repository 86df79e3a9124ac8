import { SessionError } from '../errors.js';
import type { EndCause } from '../store/scripts.js';

/** A live session. Times are ms since 1970. */
export interface MemorySession {
  handle: string;
  digest: string;
  userId: string;
  createdAt: number;
  signedInAt: number;
  lastUsedAt: number;
  expiresAt: number;
  idleExpiresAt: number;
  ip: string;
  userAgent: string;
  /** JSON texts of names and values, as in Redis, so that nothing is shared with the caller. */
  data: Map<string, string>;
}

/** An event with the fields that `append-event.lua` writes. Times are ms since 1970. */
export interface MemoryEvent {
  event: 'created' | 'destroyed';
  handle: string;
  userId: string;
  createdAt: number;
  occurredAt: number;
  /** For a created session, its absolute expiry; for a destroyed one, the expiry it had then. */
  expiresAt: number;
  reason: string;
  actor: string;
  ip: string;
  userAgent: string;
}

/** The live sessions and the events of one module, in memory. */
export class MemorySessions {
  /** By handle, in the order in which they were created. */
  readonly live = new Map<string, MemorySession>();
  /** In the order in which they were recorded. */
  readonly events: MemoryEvent[] = [];
  isRedisDown = false;
  /** How far the clock of the sessions is ahead of the process's (ms). */
  private passed = 0;

  /** The current time, which fake timers control; ms since 1970. */
  get now(): number {
    return Date.now() + this.passed;
  }

  letTimePass(ms: number): void {
    this.passed += ms;
  }

  /** The time at which an operation of the store runs. It fails while Redis is 'down'. */
  enter(): number {
    if (!this.isRedisDown) return this.now;
    throw new SessionError(
      'ERR_SESSION_REDIS_UNAVAILABLE',
      'Redis is unavailable, because the test called stopRedis().',
    );
  }

  /** The session, unless it is over: from the millisecond of its expiry on. */
  find(handle: string, now: number): MemorySession | undefined {
    const session = this.live.get(handle);
    return session && session.idleExpiresAt > now ? session : undefined;
  }

  /** A user's live sessions, in the order in which they were created. */
  ofUser(userId: string, now: number): MemorySession[] {
    return [...this.live.values()].filter(
      (session) => session.userId === userId && session.idleExpiresAt > now,
    );
  }

  add(session: MemorySession, reason: string): void {
    const { handle, userId, createdAt, expiresAt, ip, userAgent } = session;
    this.live.set(handle, session);
    this.events.push({
      event: 'created',
      handle,
      userId,
      createdAt,
      occurredAt: createdAt,
      expiresAt,
      reason,
      actor: '',
      ip,
      userAgent,
    });
  }

  end(session: MemorySession, now: number, cause: EndCause): void {
    // Never before the creation, even if the clock was set back.
    this.remove(session, Math.max(now, session.createdAt), cause);
  }

  /** Records the end of the sessions that have expired, each with the time of its expiry. */
  sweep(): void {
    const { now } = this;
    const due = [...this.live.values()].filter(({ idleExpiresAt }) => idleExpiresAt <= now);
    for (const session of due.toSorted((a, b) => a.idleExpiresAt - b.idleExpiresAt)) {
      this.remove(session, session.idleExpiresAt, { reason: 'expired', actor: '' });
    }
  }

  clear(): void {
    this.live.clear();
    this.events.length = 0;
    this.passed = 0;
    this.isRedisDown = false;
  }

  private remove(session: MemorySession, occurredAt: number, cause: EndCause): void {
    const { handle, userId, createdAt, idleExpiresAt: expiresAt } = session;
    this.live.delete(handle);
    this.events.push({
      event: 'destroyed',
      handle,
      userId,
      createdAt,
      occurredAt,
      expiresAt,
      ...cause,
      ip: '',
      userAgent: '',
    });
  }
}
