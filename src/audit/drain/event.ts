import { isUtf8 } from 'node:buffer';

import { formatHandle } from '../../store/session-id.js';
import { SEPARATOR } from '../../store/session-record.js';

/** An audit event from the outbox. Times are ms since 1970, by Redis's clock. */
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
 * An entry as the scripts write it: one field, whose name is the version of the layout, with ten
 * values that contain no control characters except the separators between them.
 */
const LAYOUT = /^v1\n([^\x00-\x1e\x7f-\x9f]*)\n$/;
const DIGEST = /^[A-Za-z0-9_-]{43}$/;
const MILLISECONDS = /^\d{1,15}$/;

/** Parses an outbox entry; null if it was not written by one of the scripts. */
export function parseEntry(bucket: number, raw: Buffer): LedgerEvent | null {
  if (!isUtf8(raw)) return null;
  const parts = LAYOUT.exec(raw.toString())?.[1]!.split(SEPARATOR);
  if (parts?.length !== 10) return null;
  const [event, digest, created, userId, at, expires, reason, actor, ip, userAgent] =
    parts as Parts;
  if (event !== 'created' && event !== 'destroyed') return null;
  if (!DIGEST.test(digest)) return null;
  if (![created, at, expires].every((time) => MILLISECONDS.test(time))) return null;
  return {
    event,
    handle: formatHandle({ bucket, digest }),
    sessionCreatedAt: Number(created),
    userId: userId || null,
    occurredAt: Number(at),
    expiresAt: Number(expires),
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
  expires: string,
  reason: string,
  actor: string,
  ip: string,
  userAgent: string,
];
