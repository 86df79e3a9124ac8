import { SEPARATOR } from '../store/session-record.js';

/** An audit event, as a script left it in the outbox. Times are ms since 1970, by Redis's clock. */
export interface LedgerEvent {
  event: 'created' | 'destroyed';
  /** The session's handle. */
  token: string;
  sessionCreatedAt: number;
  userId: string | null;
  occurredAt: number;
  expiresAt: number;
  reason: string | null;
  actor: string | null;
  ip: string | null;
  userAgent: string | null;
}

/** The name of an entry's only field: the version of its layout. */
export const ENTRY_FIELD = 'v1';
const DIGEST = /^[A-Za-z0-9_-]{43}$/;
const MILLISECONDS = /^\d{1,15}$/;

/** Reads an outbox entry; null for one that no script of ours wrote. */
export function parseEntry(bucket: number, fields: string[]): LedgerEvent | null {
  if (fields.length !== 2 || fields[0] !== ENTRY_FIELD) return null;
  const parts = fields[1]!.split(SEPARATOR);
  if (parts.length !== 10) return null;
  const [event, digest, created, userId, at, ends, reason, actor, ip, userAgent] = parts as Parts;
  if (event !== 'created' && event !== 'destroyed') return null;
  if (!DIGEST.test(digest) || ![created, at, ends].every((time) => MILLISECONDS.test(time))) {
    return null;
  }
  return {
    event,
    token: bucket.toString(16).padStart(2, '0') + digest,
    sessionCreatedAt: Number(created),
    userId: userId || null,
    occurredAt: Number(at),
    expiresAt: Number(ends),
    reason: reason || null,
    actor: actor || null,
    ip: ip || null,
    userAgent: userAgent || null,
  };
}

type Parts = [
  event: string,
  digest: string,
  created: string,
  userId: string,
  at: string,
  ends: string,
  reason: string,
  actor: string,
  ip: string,
  userAgent: string,
];
