import { createHash, randomBytes } from 'node:crypto';

import type { LedgerEvent } from './event.js';

/** Joins the columns in a row's text. */
const UNIT = '\x1f';
/** Represents NULL, so that NULL and '' give different texts. No value can contain it. */
const NULL = '\x1e';

/** An event with its place in the chain: a row of `session_events`. */
export interface LedgerRow extends LedgerEvent {
  seq: bigint;
  /** Salted SHA-256 of ip and user agent; null for `destroyed`. */
  client: Buffer | null;
  hash: Buffer;
}

/** The last row of a chain. */
export interface ChainHead {
  seq: bigint;
  hash: Buffer;
}

/**
 * A row's hash: SHA-256 of the previous row's hash and this row's columns. `ROW_TEXT` in
 * `queries/verifier.ts` is the same in SQL, independent of this code.
 */
export function rowHash(
  previous: Buffer,
  chain: number,
  row: Omit<LedgerRow, 'hash'>,
  recordedAt: number,
): Buffer {
  const text = [
    chain,
    row.seq,
    row.event,
    row.handle,
    row.sessionCreatedAt,
    row.userId ?? NULL,
    row.occurredAt,
    row.expiresAt,
    row.reason ?? NULL,
    row.actor ?? NULL,
    row.client?.toString('hex') ?? NULL,
    recordedAt,
    ...(row.outboxNumber === null ? [] : [row.outboxNumber]),
  ].join(UNIT);
  return createHash('sha256').update(previous).update(text).digest();
}

/** 16 random bytes. Without a salt, an address could be guessed from its hash. */
export function newSalt(): Buffer {
  return randomBytes(16);
}

/**
 * What the chain stores of a client. The address, the user agent and the salt are in `sessions` and
 * may be erased there; the chain can still be verified.
 */
export function clientHash(salt: Buffer, ip: string | null, userAgent: string | null): Buffer {
  return createHash('sha256')
    .update(salt)
    .update(`${ip ?? ''}${UNIT}${userAgent ?? ''}`)
    .digest();
}
