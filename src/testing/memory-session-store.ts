import type { BucketTimes, LiveSessions, NewSession } from '../store/live-sessions.js';
import { creationRejected, dataTooLarge, type RequestedExpiry } from '../store/rejections.js';
import type { CreatedSession, EndCause, StoreRules } from '../store/scripts.js';
import { formatHandle, type SessionAddress } from '../store/session-id.js';
import type { JsonObject, JsonValue, SessionRecord } from '../store/session-record.js';
import { formatPatch } from '../store/session-record.js';
import type { MemorySession, MemorySessions } from './memory-sessions.js';

/**
 * The rules of the Lua scripts, in memory. Each operation runs in one go, as a script does, and
 * waits for no timer, so that fake timers can't hold it up.
 *
 * What a test can't see is left out: deadlines and receipts of commands that Redis gets twice, and
 * the backlog, which is always empty.
 */
export class MemorySessionStore implements LiveSessions {
  readonly buckets: BucketTimes;

  constructor(
    private readonly sessions: MemorySessions,
    private readonly rules: StoreRules,
    buckets: number,
  ) {
    this.buckets = {
      count: buckets,
      readTime: async () => sessions.enter(),
      estimateTime: async () => sessions.enter(),
      areAlive: async (bucket, digests) => {
        const now = sessions.enter();
        return digests.map((digest) => !!sessions.find(formatHandle({ bucket, digest }), now));
      },
    };
  }

  async create(at: SessionAddress, session: NewSession): Promise<CreatedSession> {
    const now = this.sessions.enter();
    const { userId, expiry, ip, userAgent, data } = session;
    const expiresAt = this.checkExpiry(expiry, now);
    this.makeRoom(userId, expiry, now);
    const created: MemorySession = {
      ...namesOf(at),
      userId,
      createdAt: now,
      signedInAt: now,
      lastUsedAt: now,
      expiresAt,
      idleExpiresAt: this.idleExpiry(expiresAt, now),
      ip,
      userAgent,
      data: merged(new Map(), data),
    };
    this.sessions.add(created, '');
    return toCreated(created);
  }

  async read(at: SessionAddress): Promise<SessionRecord | null> {
    const session = this.sessions.find(formatHandle(at), this.sessions.enter());
    return session ? toRecord(session) : null;
  }

  async touch(at: SessionAddress): Promise<SessionRecord | null> {
    const now = this.sessions.enter();
    const session = this.sessions.find(formatHandle(at), now);
    if (!session) return null;
    if (now - session.lastUsedAt >= this.rules.idleTimeout / 10) {
      session.lastUsedAt = now;
      session.idleExpiresAt = this.idleExpiry(session.expiresAt, now);
    }
    return toRecord(session);
  }

  async destroy(at: SessionAddress, cause: EndCause, owner?: string): Promise<void> {
    const now = this.sessions.enter();
    const session = this.sessions.find(formatHandle(at), now);
    const mayEnd = owner === undefined || owner === session?.userId;
    if (session && mayEnd) this.sessions.end(session, now, cause);
  }

  async destroyAll(
    _bucket: number,
    userId: string,
    spared: string | null,
    cause: EndCause,
  ): Promise<void> {
    const now = this.sessions.enter();
    for (const session of this.sessions.ofUser(userId, now)) {
      if (session.digest !== spared) this.sessions.end(session, now, cause);
    }
  }

  async rotate(from: SessionAddress, newDigest: string): Promise<CreatedSession | null> {
    const now = this.sessions.enter();
    const old = this.sessions.find(formatHandle(from), now);
    if (!old) return null;
    this.sessions.end(old, now, { reason: 'rotated', actor: '' });
    const rotated: MemorySession = {
      ...old,
      ...namesOf({ bucket: from.bucket, digest: newDigest }),
      createdAt: now,
      lastUsedAt: now,
      idleExpiresAt: this.idleExpiry(old.expiresAt, now),
    };
    this.sessions.add(rotated, 'rotated');
    return toCreated(rotated);
  }

  async updateData(
    at: SessionAddress,
    patch: { [name: string]: JsonValue | undefined },
    limit: number,
  ): Promise<boolean> {
    const session = this.sessions.find(formatHandle(at), this.sessions.enter());
    if (!session) return false;
    const data = merged(session.data, patch);
    const bytes = sizeOf(data);
    if (bytes > limit) throw dataTooLarge(bytes, limit);
    session.data = data;
    return true;
  }

  /** Newest first, so that sessions of the same millisecond, or of a stopped clock, have an order. */
  async list(
    _bucket: number,
    userId: string,
  ): Promise<{ digest: string; record: SessionRecord }[]> {
    const found = this.sessions.ofUser(userId, this.sessions.enter()).toReversed();
    return found.map((session) => ({ digest: session.digest, record: toRecord(session) }));
  }

  private checkExpiry(expiry: RequestedExpiry, now: number): number {
    const expiresAt = expiry.kind === 'for' ? now + expiry.value : expiry.value;
    if (expiresAt <= now) throw creationRejected({ status: 'PAST', now }, expiry, this.rules);
    if (expiresAt > now + this.rules.maxLifetime) {
      throw creationRejected({ status: 'TOO_LONG', now }, expiry, this.rules);
    }
    return expiresAt;
  }

  /** Keeps a user within the session limit. Under a stopped clock, the first one is the oldest. */
  private makeRoom(userId: string, expiry: RequestedExpiry, now: number): void {
    const { maxSessionsPerUser: limit, overflow } = this.rules;
    if (limit === 0) return;
    const live = this.sessions.ofUser(userId, now);
    const excess = live.length - limit + 1;
    if (excess <= 0) return;
    if (overflow === 'reject') {
      throw creationRejected({ status: 'LIMIT', sessions: live.length }, expiry, this.rules);
    }
    const oldestFirst = live.toSorted((a, b) => a.createdAt - b.createdAt);
    for (const session of oldestFirst.slice(0, excess)) {
      this.sessions.end(session, now, { reason: 'evicted', actor: '' });
    }
  }

  private idleExpiry(expiresAt: number, now: number): number {
    const { idleTimeout } = this.rules;
    return idleTimeout === 0 ? expiresAt : Math.min(now + idleTimeout, expiresAt);
  }
}

function namesOf(at: SessionAddress): { handle: string; digest: string } {
  return { handle: formatHandle(at), digest: at.digest };
}

/** The data with a patch applied, field by field. */
function merged(
  data: ReadonlyMap<string, string>,
  patch: { [name: string]: JsonValue | undefined },
): Map<string, string> {
  const result = new Map(data);
  const texts = formatPatch(patch);
  for (let i = 0; i < texts.length; i += 2) result.set(texts[i]!, texts[i + 1]!);
  for (const [name, value] of result) if (value === '') result.delete(name);
  return result;
}

/** Bytes of the data as one JSON object: its braces, and a colon and a comma for each field. */
function sizeOf(data: ReadonlyMap<string, string>): number {
  let bytes = 1;
  for (const [name, value] of data) {
    bytes += Buffer.byteLength(name) + Buffer.byteLength(value) + 2;
  }
  return bytes;
}

function toRecord({ handle: _handle, digest: _digest, ...session }: MemorySession): SessionRecord {
  const entries = [...session.data].map(([name, value]) => [JSON.parse(name), JSON.parse(value)]);
  return { ...session, data: Object.fromEntries(entries) as JsonObject };
}

function toCreated(session: MemorySession): CreatedSession {
  const { userId, createdAt, signedInAt, expiresAt, idleExpiresAt } = session;
  return { userId, createdAt, signedInAt, expiresAt, idleExpiresAt };
}
