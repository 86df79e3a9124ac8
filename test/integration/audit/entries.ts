import { randomBytes } from 'node:crypto';

import type { NestProcess } from '../../support/nest-application.js';

/** The ten values of an outbox entry, in the order in which `append-event.lua` joins them. */
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

/** Adds an entry to the outbox of bucket 0; returns its bytes as a dead letter stores them. */
export async function addEntry(
  { buckets }: NestProcess,
  value: string | Buffer,
  field = 'v1',
): Promise<Buffer> {
  await buckets.client.xadd(buckets.keysOf(0).outbox, '*', field, value);
  return Buffer.concat([Buffer.from(`${field}\n`), Buffer.from(value), Buffer.from('\n')]);
}
