import { hash, randomFillSync } from 'node:crypto';

import type { SessionAddress } from './session-store.js';

/**
 * 32 bytes in base64url are 43 characters, the last of which carries four bits: only these 16
 * can stand there. Anything else is no ID of ours, and two spellings of one ID don't exist.
 */
const PATTERN = /^[0-9a-f]{2}[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/;

const SECRET = 32; // bytes

/** Random bytes, fetched for many IDs at a time: one by one they took a sixth of a sign-in's work. */
const pool = Buffer.alloc(128 * SECRET);
let unused = 0;

/** A new session ID: the bucket in 2 hex digits, then 256 random bits (ASVS 7.2.3 asks for 128). */
export function generateSessionId(bucket: number): string {
  return hex(bucket) + takeSecret();
}

function takeSecret(): string {
  if (unused === 0) unused = randomFillSync(pool).length;
  const bytes = pool.subarray(unused - SECRET, unused);
  unused -= SECRET;
  const secret = bytes.toString('base64url');
  bytes.fill(0); // no memory dump shows what was given out
  return secret;
}

/** Where the session of this ID lives, or null for a malformed one, which never reaches Redis. */
export function addressOfId(sessionId: unknown, buckets: number): SessionAddress | null {
  if (typeof sessionId !== 'string') return null;
  return parse(sessionId, buckets, () => digestOf(sessionId));
}

/** Where the session of this handle lives, or null for a malformed one. */
export function addressOfHandle(handle: unknown, buckets: number): SessionAddress | null {
  if (typeof handle !== 'string') return null;
  return parse(handle, buckets, () => handle.slice(2));
}

/** The public name of the session at an address: safe to show, log and store. */
export function handleOf({ bucket, digest }: SessionAddress): string {
  return hex(bucket) + digest;
}

/** SHA-256 of the whole ID, in base64url: what Redis knows the session by. */
export function digestOf(sessionId: string): string {
  return hash('sha256', sessionId, 'base64url');
}

/** The bucket of a user: stable for ever, as the user's keys lie there. */
export function bucketOf(userId: string, buckets: number): number {
  return Number.parseInt(hash('sha256', userId, 'hex').slice(0, 8), 16) % buckets;
}

function parse(text: string, buckets: number, digest: () => string): SessionAddress | null {
  if (!PATTERN.test(text)) return null;
  const bucket = Number.parseInt(text.slice(0, 2), 16);
  return bucket < buckets ? { bucket, digest: digest() } : null;
}

function hex(bucket: number): string {
  return bucket.toString(16).padStart(2, '0');
}
