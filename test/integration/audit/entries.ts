import { randomBytes } from 'node:crypto';

import type { NestProcess } from '../../support/nest-application.js';

/** The values after the number of an outbox entry, in the order in which `append-event.lua` joins them. */
export interface EntryValues {
  event: string;
  digest: string;
  createdAt: string | number;
  userId: string;
  occurredAt: string | number;
  expiresAt: string | number;
  reason: string;
  actor: string;
  ip: string;
  userAgent: string;
}

/** A valid `created` entry with the given values substituted. */
export function entry(overrides: Partial<EntryValues> = {}): string {
  const now = Date.now();
  const values: EntryValues = {
    event: 'created',
    digest: randomBytes(32).toString('base64url'),
    createdAt: now,
    userId: '7',
    occurredAt: now,
    expiresAt: now + 3_600_000,
    reason: '',
    actor: '',
    ip: '',
    userAgent: '',
    ...overrides,
  };
  return Object.values(values).join('\x1f');
}

/**
 * Adds an entry to the outbox of bucket 0, with the next number; returns its bytes as a dead letter
 * stores them.
 */
export async function addEntry(
  { buckets }: NestProcess,
  value: string | Buffer,
  field = 'v2',
): Promise<Buffer> {
  const { outbox, outboxNumber } = buckets.keysOf(0);
  const number = await buckets.client.incr(outboxNumber);
  const numbered = Buffer.concat([Buffer.from(`${number}\x1f`), Buffer.from(value)]);
  await buckets.client.xadd(outbox, '*', field, numbered);
  return Buffer.concat([Buffer.from(`${field}\n`), numbered, Buffer.from('\n')]);
}
