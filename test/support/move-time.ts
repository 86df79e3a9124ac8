import { readFileSync } from 'node:fs';

import { bucketOf } from '../../src/store/session-id.js';
import type { Application } from './application.js';

const source = readFileSync(new URL('./move-time.lua', import.meta.url), 'utf8');

/** What has sessions in Redis. */
type Clocked = Pick<Application, 'client' | 'store'>;

/** Lets `ms` pass for all sessions of the application, without sleeping: see `move-time.lua`. */
export async function letTimePass(app: Clocked, ms: number): Promise<void> {
  for (let bucket = 0; bucket < app.store.buckets.count; bucket++) await move(app, bucket, ms);
}

/** As `letTimePass`, for the bucket of one user alone: a test of one user needs no more. */
export async function letTimePassFor(app: Clocked, userId: string, ms: number): Promise<void> {
  await move(app, bucketOf(userId, app.store.buckets.count), ms);
}

async function move({ client, store }: Clocked, bucket: number, ms: number): Promise<void> {
  const { base, expiryIndex } = store.buckets.keysOf(bucket);
  await client.eval(source, 1, expiryIndex, base, ms);
}
