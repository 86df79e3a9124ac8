import type { JsonObject } from '../../../../src/store/session-record.js';
import type { Overflow } from '../../../../src/store/scripts.js';
import { inMemory } from '../../../support/use-contract.js';

/** The rules of one run. Times are in ms; 0 switches a rule off. */
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

/** A time known to lie between two readings of Redis's clock. */
export type Span = readonly [from: number, to: number];

/** The expected state of a session. */
export interface ModelSession {
  id: string;
  handle: string;
  bucket: number;
  userId: string;
  createdAt: number;
  signedInAt: number;
  expiresAt: number;
  idleExpiresAt: number;
  lastUsedAt: number;
  ip: string;
  userAgent: string;
  data: JsonObject;
  /** The reason in its `created` event: '' or 'rotated'. */
  createdBy: string;
  end: ModelEnd | null;
}

/**
 * A simple model of the store, without Redis: a list of all sessions ever created. Its times are
 * those of the run: see `Run.now`.
 */
export class SessionModel {
  readonly sessions: ModelSession[] = [];

  constructor(readonly rules: ModelRules) {}

  isAlive(session: ModelSession, now: number): boolean {
    return session.end === null && now < session.idleExpiresAt;
  }

  aliveOf(userId: string, now: number): ModelSession[] {
    return this.sessions.filter(
      (session) => session.userId === userId && this.isAlive(session, now),
    );
  }

  /** Which sessions a sign-in evicts, oldest first; 'rejected' if the limit rejects the sign-in. */
  evictedBySignIn(userId: string, now: number): 'rejected' | ModelSession[] {
    const { maxSessionsPerUser, overflow } = this.rules;
    const alive = this.aliveOf(userId, now);
    if (maxSessionsPerUser === 0 || alive.length < maxSessionsPerUser) return [];
    if (overflow === 'reject') return 'rejected';
    return alive.toSorted(byAge).slice(0, alive.length - maxSessionsPerUser + 1);
  }

  end(session: ModelSession, at: Span, reason: string, actor = ''): void {
    session.end = { at, reason, actor };
  }

  /** Ends the user's live sessions that had signed in by then, except one. */
  endAll(userId: string, now: Span, signedInBy: number, except: string, end: Omit<ModelEnd, 'at'>) {
    for (const session of this.aliveOf(userId, now[0])) {
      if (session.handle === except || session.signedInAt > signedInBy) continue;
      this.end(session, now, end.reason, end.actor);
    }
  }

  /** Ends all sessions that have expired, at the time of their expiry. */
  sweep(bucket: number, now: number): void {
    for (const session of this.sessions) {
      if (session.bucket !== bucket || session.end !== null || now < session.idleExpiresAt)
        continue;
      this.end(session, [session.idleExpiresAt, session.idleExpiresAt], 'expired');
    }
  }

  idleExpiryFrom(lastUse: number, expiresAt: number): number {
    const { idleTimeout } = this.rules;
    return idleTimeout === 0 ? expiresAt : Math.min(lastUse + idleTimeout, expiresAt);
  }

  merge(session: ModelSession, patch: { [name: string]: unknown }): void {
    const fields = Object.entries({ ...session.data, ...patch });
    session.data = Object.fromEntries(
      fields.filter(([, value]) => value !== undefined),
    ) as JsonObject;
  }
}

/** In memory, of two sessions of the same millisecond the first one is older. */
function byAge(a: ModelSession, b: ModelSession): number {
  if (a.createdAt !== b.createdAt || inMemory) return a.createdAt - b.createdAt;
  return a.handle < b.handle ? -1 : 1;
}
