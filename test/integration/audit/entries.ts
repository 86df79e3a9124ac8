import { randomBytes } from 'node:crypto';

import type { AuditedProcess } from './audited-process.js';

/** The ten values of an outbox entry, as `append-event.lua` joins them. */
export interface EntryValues {
  event: string;
  digest: string;
  created: string | number;
  user: string;
  at: string | number;
  ends: string | number;
  reason: string;
  actor: string;
  ip: string;
  userAgent: string;
}

/** A beginning that differs from a good one by these values. */
export function entry(differing: Partial<EntryValues> = {}): string {
  const now = Date.now();
  const values: EntryValues = {
    event: 'created',
    digest: randomBytes(32).toString('base64url'),
    created: now,
    user: '7',
    at: now,
    ends: now + 3_600_000,
    reason: '',
    actor: '',
    ip: '',
    userAgent: '',
    ...differing,
  };
  return Object.values(values).join('\x1f');
}

/** Puts an entry into the outbox by hand; gives its bytes as a dead letter keeps them. */
export async function place(
  { store }: AuditedProcess,
  value: string | Buffer,
  field = 'v1',
): Promise<Buffer> {
  await store.buckets.redis.client.xadd(store.buckets.keysOf(0).outbox, '*', field, value);
  return Buffer.concat([Buffer.from(`${field}\n`), Buffer.from(value), Buffer.from('\n')]);
}
