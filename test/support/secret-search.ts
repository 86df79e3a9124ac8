import { expect } from '@jest/globals';

import { issuedIds } from './issued-ids.js';
import { dumpKeys } from './key-dump.js';
import type { RedisUnderTest } from './redis-under-test.js';

/** The secret part of a session ID, without its bucket. */
const SECRET_LENGTH = 43;

/** Searches every key and value on every server for the session IDs issued in this spec file. */
export async function expectNoIssuedIds(redis: RedisUnderTest): Promise<void> {
  const texts = (await dumpKeys(redis)).map(({ key, value }) => `${key} ${JSON.stringify(value)}`);
  expect(textsWithIssuedIds(texts)).toEqual([]);
}

/** The texts that contain the secret part of an issued session ID. */
export function textsWithIssuedIds(texts: string[]): string[] {
  const secrets = new Set([...issuedIds].map((id) => id.slice(-SECRET_LENGTH)));
  return texts.filter((text) => containsSecret(text, secrets));
}

function containsSecret(text: string, secrets: ReadonlySet<string>): boolean {
  for (const [run] of text.matchAll(/[\w-]{43,}/g)) {
    for (let i = 0; i + SECRET_LENGTH <= run.length; i++) {
      if (secrets.has(run.slice(i, i + SECRET_LENGTH))) return true;
    }
  }
  return false;
}
