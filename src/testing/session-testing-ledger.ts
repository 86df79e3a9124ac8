import type { INestApplicationContext } from '@nestjs/common';

import type { UserIdType } from '../audit/postgres/user-id.js';
import type { RecordedSession } from '../audit/queries/history.js';
import { SessionError } from '../errors.js';
import { DEFAULT_NAME } from '../module/tokens.js';
import { LEDGER, type LedgerProvider } from '../module/common-providers.js';
import type { ResolvedOptions } from '../module/resolve-options.js';
import { milliseconds, type Duration } from '../session/duration.js';
import { MemoryAudit } from './memory-audit.js';
import { MemorySessions, type MemoryEvent } from './memory-sessions.js';

/** A start or an end of a session, as a row of `session_events` records it. */
export interface SessionTestingEvent {
  event: 'created' | 'destroyed';
  handle: string;
  userId: string;
  at: Date;
  /** For a created session, its absolute expiry; for a destroyed one, the expiry in force then. */
  expiresAt: Date;
  /**
   * Why a session was destroyed: `logout`, `revoked`, `expired`, `evicted`, `rotated` or a reason of
   * the application. A created session has `rotated` or null.
   */
  reason: string | null;
  actor: string | null;
}

/**
 * What a test sees of a module's sessions: who was signed in, from when until when, and why each
 * session ended.
 *
 * ```ts
 * const ledger = SessionTestingLedger.of(app);
 * expect(ledger.sessions).toMatchObject([{ userId: 'ada', endReason: 'password-changed' }]);
 * ```
 */
export class SessionTestingLedger {
  /** @internal */
  readonly memory = new MemorySessions();
  /** @internal */
  readonly audit: MemoryAudit;

  private constructor(
    private readonly name: string,
    buckets: number,
    userIdType: UserIdType,
  ) {
    this.audit = new MemoryAudit(this.memory, buckets, userIdType);
  }

  /** @internal */
  static create({ name, buckets, userId }: ResolvedOptions): SessionTestingLedger & LedgerProvider {
    return new SessionTestingLedger(name, buckets, userId.type);
  }

  /**
   * The ledger of an application, or of a `TestingModule`, whose sessions are in memory.
   *
   * @param name the `name` of the session module, if the application has several
   * @throws SessionError `ERR_SESSION_OPTIONS` if there is no such module, or if it uses Redis
   */
  static of(app: Pick<INestApplicationContext, 'get'>, name = DEFAULT_NAME): SessionTestingLedger {
    const found = ledgersOf(app).find((ledger) => ledger.name === name);
    if (found) return found;
    throw new SessionError(
      'ERR_SESSION_OPTIONS',
      `SessionTestingLedger: the application has no session module named '${name}' that keeps its ` +
        'sessions in memory. Import SessionTestingModule.forRoot(), or pass the builder of the ' +
        'testing module to withSessionsInMemory().',
    );
  }

  /** All sessions, present and past, in the order in which they were created. */
  get sessions(): RecordedSession[] {
    return this.audit.recorded();
  }

  /**
   * All events in the order in which they happened. A session that expired by now has ended at the
   * time of its expiry, for the reason `expired`.
   */
  get events(): SessionTestingEvent[] {
    this.memory.sweep();
    return this.memory.events.map(toEvent).toSorted((a, b) => a.at.getTime() - b.at.getTime());
  }

  /**
   * Moves the clock that decides about expiry, idle timeout and `fresh`, without fake timers. With
   * fake timers, this isn't needed: the clock is `Date.now()`.
   */
  letTimePass(duration: Duration): void {
    const ms = milliseconds(duration);
    if (!Number.isFinite(ms)) {
      throw new SessionError(
        'ERR_SESSION_INPUT',
        `letTimePass: ${JSON.stringify(duration)} is not a duration; use milliseconds, or text such as '30m'.`,
      );
    }
    this.memory.letTimePass(ms);
  }

  /**
   * From now on, every operation fails with `ERR_SESSION_REDIS_UNAVAILABLE`, so the guard answers
   * with 503.
   */
  stopRedis(): void {
    this.memory.isRedisDown = true;
  }

  /** Ends the effect of `stopRedis`. The sessions are still there. */
  startRedis(): void {
    this.memory.isRedisDown = false;
  }

  /** @internal */
  async stop(): Promise<void> {}

  /** Forgets all sessions and events, and undoes `letTimePass` and `stopRedis`. */
  clear(): void {
    this.memory.clear();
  }
}

/** The ledgers of all session modules in memory. Nest throws if there is no session module at all. */
function ledgersOf(app: Pick<INestApplicationContext, 'get'>): SessionTestingLedger[] {
  try {
    const found = app.get<LedgerProvider>(LEDGER, { strict: false, each: true });
    return found.filter((ledger) => ledger instanceof SessionTestingLedger);
  } catch {
    return [];
  }
}

function toEvent(recorded: MemoryEvent): SessionTestingEvent {
  const { event, handle, userId, occurredAt, expiresAt, reason, actor } = recorded;
  const times = { at: new Date(occurredAt), expiresAt: new Date(expiresAt) };
  return { event, handle, userId, ...times, reason: reason || null, actor: actor || null };
}
