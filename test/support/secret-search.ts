import { expect } from '@jest/globals';

import { issuedIds } from './issued-ids.js';
import { dumpKeys } from './key-dump.js';
import type { RedisUnderTest } from './redis-under-test.js';

/** An ID without its bucket: the part that is secret. */
const SECRET_LENGTH = 43;

/**
 * Searches every key and value of every server for every session ID that this spec file handed
 * out. For the end of a suite.
 */
export async function expectNoIssuedIds(redis: RedisUnderTest): Promise<void> {
  const secrets = new Set([...issuedIds].map((id) => id.slice(2)));
  const found: string[] = [];
  for (const { key, value } of await dumpKeys(redis)) {
    const text = `${key} ${JSON.stringify(value)}`;
    if (containsSecret(text, secrets)) found.push(key);
  }
  expect(secrets.size).toBeGreaterThan(0);
  expect(found).toEqual([]);
}

export function containsSecret(text: string, secrets: ReadonlySet<string>): boolean {
  for (const [run] of text.matchAll(/[\w-]{43,}/g)) {
    for (let i = 0; i + SECRET_LENGTH <= run.length; i++) {
      if (secrets.has(run.slice(i, i + SECRET_LENGTH))) return true;
    }
  }
  return false;
}
