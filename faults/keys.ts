/** The module's key layout, because the harness reads Redis without the module. See ARCHITECTURE.md. */
export const PREFIX = 'faults';
export const BUCKETS = 4;

export const outboxKey = (bucket: number): string => `${PREFIX}:{${bucket}}:o`;
export const indexKey = (bucket: number): string => `${PREFIX}:{${bucket}}:x`;
export const numberKey = (bucket: number): string => `${PREFIX}:{${bucket}}:n`;
export const metaKey = `${PREFIX}:meta`;
export const recordKey = (bucket: number, digest: string): string =>
  `${PREFIX}:{${bucket}}:s:${digest}`;

export function allBuckets(): number[] {
  return Array.from({ length: BUCKETS }, (_, bucket) => bucket);
}

export function handleOf(bucket: number, digest: string): string {
  return bucket.toString(16).padStart(2, '0') + digest;
}
