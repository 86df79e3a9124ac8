import { isUtf8 } from 'node:buffer';

import { SEPARATOR } from '../../store/session-record.js';

/** An audit event, as a script left it in the outbox. Times are ms since 1970, by Redis's clock. */
export interface LedgerEvent {
  event: 'created' | 'destroyed';
  /** The session's handle. */
  handle: string;
  sessionCreatedAt: number;
  userId: string | null;
  occurredAt: number;
  expiresAt: number;
  reason: string | null;
  actor: string | null;
  ip: string | null;
  userAgent: string | null;
}

/**
 * An entry of the layout that the scripts write: one field, named for the layout's version, and
 * ten values, free of control characters but for those that join them.
 */
const LAYOUT = /^v1\n([^\x00-\x1e\x7f-\x9f]*)\n$/;
const DIGEST = /^[A-Za-z0-9_-]{43}$/;
const MILLISECONDS = /^\d{1,15}$/;

/** Reads an outbox entry from its bytes; null for one that no script of ours wrote. */
export function parseEntry(bucket: number, raw: Buffer): LedgerEvent | null {
  if (!isUtf8(raw)) return null;
  const parts = LAYOUT.exec(raw.toString())?.[1]!.split(SEPARATOR);
  if (parts?.length !== 10) return null;
  const [event, digest, created, userId, at, ends, reason, actor, ip, userAgent] = parts as Parts;
  if (event !== 'created' && event !== 'destroyed') return null;
  if (!DIGEST.test(digest) || ![created, at, ends].every((time) => MILLISECONDS.test(time))) {
    return null;
  }
  return {
    event,
    handle: bucket.toString(16).padStart(2, '0') + digest,
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
