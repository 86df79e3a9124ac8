import { isUtf8 } from 'node:buffer';

import { formatHandle } from '../../store/session-id.js';
import { SEPARATOR } from '../../store/session-record.js';

/** An audit event from the outbox. Times are ms since 1970, by Redis's clock. */
export interface LedgerEvent {
  /**
   * Its number in the bucket's outbox: 1, 2, 3… Null if the event never was in the outbox, or if its
   * number had been given out before: Redis then had gone back to an earlier state.
   */
  outboxNumber: number | null;
  event: 'created' | 'destroyed';
  /** True if Redis did not have the session: its end was concluded from SQL. */
  isDeclared: boolean;
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
 * An entry as the scripts write it: one field, whose name is the version of the layout, with eleven
 * values that contain no control characters except the separators between them.
 */
const LAYOUT = /^v2\n([^\x00-\x1e\x7f-\x9f]*)\n$/;
const DIGEST = /^[A-Za-z0-9_-]{43}$/;
const WHOLE_NUMBER = /^\d{1,15}$/;

/** Parses an outbox entry; null if it was not written by one of the scripts. */
export function parseEntry(bucket: number, raw: Buffer): LedgerEvent | null {
  if (!isUtf8(raw)) return null;
  const parts = LAYOUT.exec(raw.toString())?.[1]!.split(SEPARATOR);
  if (parts?.length !== 11) return null;
  const [number, event, digest, created, userId, at, expires, reason, actor, ip, userAgent] =
    parts as Parts;
  if (event !== 'created' && event !== 'destroyed' && event !== 'missing') return null;
  if (!DIGEST.test(digest)) return null;
  if (![number, created, at, expires].every((part) => WHOLE_NUMBER.test(part))) return null;
  return {
    outboxNumber: Number(number),
    event: event === 'missing' ? 'destroyed' : event,
    isDeclared: event === 'missing',
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

/** The number of an entry, even if the rest of it can't be parsed; null if it has none. */
export function numberOf(raw: Buffer): number | null {
  const number = /^v\d+\n(\d{1,15})\x1f/.exec(raw.toString('latin1'))?.[1];
  return number === undefined ? null : Number(number);
}

type Parts = [
  number: string,
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
