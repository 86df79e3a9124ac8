import { readFileSync } from 'node:fs';

import type { Buckets } from '../../src/store/buckets.js';
import { bucketOf } from '../../src/store/session-id.js';

const source = readFileSync(new URL('./move-time.lua', import.meta.url), 'utf8');

interface HasBuckets {
  readonly buckets: Buckets;
}

/** Lets `ms` pass for all sessions of an application, without sleeping: see `move-time.lua`. */
export async function letTimePass({ buckets }: HasBuckets, ms: number): Promise<void> {
  for (const bucket of buckets.numbers()) await moveTime(buckets, bucket, ms);
}

/** Lets `ms` pass for the bucket of one user only, which is faster. */
export async function letTimePassFor(
  { buckets }: HasBuckets,
  userId: string,
  ms: number,
): Promise<void> {
  await moveTime(buckets, bucketOf(userId, buckets.count), ms);
}

async function moveTime(buckets: Buckets, bucket: number, ms: number): Promise<void> {
  const { base, expiryIndex } = buckets.keysOf(bucket);
  await buckets.client.eval(source, 1, expiryIndex, base, ms);
}
