import type { JsonObject } from '../../../../src/store/session-record.js';
import type { Overflow } from '../../../../src/store/scripts.js';

/** The rules of one run. Times in ms; 0 switches a rule off. */
export interface ModelRules {
  idleTimeout: number;
  maxSessionsPerUser: number;
  overflow: Overflow;
  buckets: number;
}

/** How a session ended. */
export interface ModelEnd {
  at: Span;
  reason: string;
  actor: string;
}

/** A moment that is known to lie between two readings of Redis's clock. */
export type Span = readonly [from: number, to: number];

/** A session as it should be. */
export interface ModelSession {
  id: string;
  handle: string;
  bucket: number;
  userId: string;
  createdAt: number;
  signedInAt: number;
  expiresAt: number;
  ends: number;
  lastUsedAt: number;
  ip: string;
  userAgent: string;
  data: JsonObject;
  /** What its `created` event says: '' or 'rotated'. */
  begunBy: string;
  end: ModelEnd | null;
}

/**
 * What sessions should do, in a few plain lines and without Redis: a list of all sessions that
 * ever were. Its times are as if nobody had moved time: see `Run.now`.
 */
export class SessionModel {
  readonly sessions: ModelSession[] = [];

  constructor(readonly rules: ModelRules) {}

  isAlive(session: ModelSession, now: number): boolean {
    return session.end === null && now < session.ends;
  }

  aliveOf(userId: string, now: number): ModelSession[] {
    return this.sessions.filter(
      (session) => session.userId === userId && this.isAlive(session, now),
    );
  }

  /** Whether the session limit refuses one more; else those that must make room, the oldest first. */
  roomFor(userId: string, now: number): 'refused' | ModelSession[] {
    const { maxSessionsPerUser, overflow } = this.rules;
    const alive = this.aliveOf(userId, now);
    if (maxSessionsPerUser === 0 || alive.length < maxSessionsPerUser) return [];
    if (overflow === 'reject') return 'refused';
    return alive.toSorted(byAge).slice(0, alive.length - maxSessionsPerUser + 1);
  }

  end(session: ModelSession, at: Span, reason: string, actor = ''): void {
    session.end = { at, reason, actor };
  }

  /** All that are alive and signed in by then, but for one. */
  endAll(userId: string, now: Span, signedInBy: number, except: string, end: Omit<ModelEnd, 'at'>) {
    for (const session of this.aliveOf(userId, now[0])) {
      if (session.handle === except || session.signedInAt > signedInBy) continue;
      this.end(session, now, end.reason, end.actor);
    }
  }

  /** Ends what is due, at the moment at which it truly ended. */
  sweep(bucket: number, now: number): void {
    for (const session of this.sessions) {
      if (session.bucket !== bucket || session.end !== null || now < session.ends) continue;
      this.end(session, [session.ends, session.ends], 'expired');
    }
  }

  endByIdleTimeout(now: number, expiresAt: number): number {
    const { idleTimeout } = this.rules;
    return idleTimeout === 0 ? expiresAt : Math.min(now + idleTimeout, expiresAt);
  }

  merge(session: ModelSession, patch: { [name: string]: unknown }): void {
    const fields = Object.entries({ ...session.data, ...patch });
    session.data = Object.fromEntries(
      fields.filter(([, value]) => value !== undefined),
    ) as JsonObject;
  }
}

function byAge(a: ModelSession, b: ModelSession): number {
  return a.createdAt - b.createdAt || (a.handle < b.handle ? -1 : 1);
}
