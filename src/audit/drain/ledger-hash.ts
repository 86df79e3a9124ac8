import { createHash, randomBytes } from 'node:crypto';

import type { LedgerEvent } from './ledger-event.js';

/** Joins the columns of a row's text. */
const UNIT = '\x1f';
/** Stands for NULL, so that NULL and '' are different texts. No value can hold it. */
const NULL = '\x1e';

/** An event with its place in the chain: a row of `session_events`. */
export interface LedgerRow extends LedgerEvent {
  seq: bigint;
  /** Salted SHA-256 of ip and user agent; null at an end. */
  client: Buffer | null;
  hash: Buffer;
}

/** Where a chain stands. */
export interface ChainHead {
  seq: bigint;
  hash: Buffer;
}

/**
 * A row's hash: SHA-256 over the hash before it and the row's columns.
 * `sql/verify-chain.ts` computes the same in Postgres, without this code.
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
  ].join(UNIT);
  return createHash('sha256').update(previous).update(text).digest();
}

/** 16 random bytes: without them, an address could be guessed from its hash. */
export function newSalt(): Buffer {
  return randomBytes(16);
}

/**
 * What the chain keeps of a client. The address and user agent themselves, and the salt, are in
 * `sessions` and may be erased there; the chain still verifies.
 */
export function clientHash(salt: Buffer, ip: string | null, userAgent: string | null): Buffer {
  return createHash('sha256')
    .update(salt)
    .update(`${ip ?? ''}${UNIT}${userAgent ?? ''}`)
    .digest();
}
