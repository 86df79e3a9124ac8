import { describe, expect, test } from '@jest/globals';
import { assert, bigInt, integer, property, string } from 'fast-check';

import {
  parseHandle,
  parseSessionId,
  bucketOf,
  digestOf,
  generateSessionId,
  formatHandle,
} from './session-id.js';

describe('a session ID', () => {
  test('a session ID consists of its bucket and 256 random bits', () => {
    for (const bucket of [0, 1, 15, 16, 255]) {
      const id = generateSessionId(bucket);
      expect(id).toMatch(/^sid_[0-9a-f]{2}[\w-]{43}$/);
      expect(Buffer.from(id.slice(-43), 'base64url')).toHaveLength(32);
      expect(parseSessionId(id, 256)).toEqual({ bucket, digest: digestOf(id) });
    }
  });

  test('session IDs do not repeat', () => {
    const ids = Array.from({ length: 10_000 }, () => generateSessionId(7));
    expect(new Set(ids).size).toBe(ids.length);
  });

  test('each session ID has exactly one spelling', () => {
    const bits = bigInt({ min: 0n, max: 2n ** 256n - 1n });
    assert(
      property(bits, (number) => {
        const bytes = Buffer.from(number.toString(16).padStart(64, '0'), 'hex');
        const id = `sid_00${bytes.toString('base64url')}`;
        expect(parseSessionId(id, 1)).not.toBeNull();
        // The last character has two unused bits, which a decoder would ignore.
        const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
        const last = alphabet.indexOf(id.at(-1)!);
        for (const spare of [1, 2, 3]) {
          expect(parseSessionId(id.slice(0, -1) + alphabet[last + spare], 1)).toBeNull();
        }
      }),
    );
  });

  test('a session ID of a bucket that does not exist is malformed', () => {
    const id = generateSessionId(16);
    expect(parseSessionId(id, 16)).toBeNull();
    expect(parseSessionId(id, 17)).toMatchObject({ bucket: 16 });
  });

  test.each<[string, unknown]>([
    ['undefined', undefined],
    ['null', null],
    ['a number', 45],
    ['an array with an ID', [generateSessionId(0)]],
    ['an object that converts to an ID', { toString: () => generateSessionId(0) }],
    ['an empty string', ''],
    ['an ID in capitals', generateSessionId(10).toUpperCase()],
    ['an ID with a line break', `${generateSessionId(0)}\n`],
    ['an ID with padding', `${generateSessionId(0)}=`],
  ])('%s is not a session ID or handle', (_, value) => {
    expect(parseSessionId(value, 256)).toBeNull();
    expect(parseHandle(value, 256)).toBeNull();
  });
});

describe('a handle', () => {
  test('a handle contains the digest of the session ID, not the ID', () => {
    const id = generateSessionId(3);
    const address = parseSessionId(id, 16)!;
    const handle = formatHandle(address);
    expect(parseHandle(handle, 16)).toEqual(address);
    expect(handle).not.toContain(id.slice(2));
    expect(handle).toBe(`03${digestOf(id)}`);
  });

  test('the digest is SHA-256 in base64url, which SQL can compute', () => {
    expect(digestOf('abc')).toBe('ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0');
  });
});

describe("a user's bucket", () => {
  test('the bucket of a user never changes', () => {
    expect(['ada', 'bob', '', '{0}', 'ядро 😀'].map((userId) => bucketOf(userId, 16))).toEqual([
      13, 8, 2, 0, 8,
    ]);
    expect(bucketOf('bob', 256)).toBe(216);
  });

  test('the bucket is within range', () => {
    assert(
      property(string(), integer({ min: 1, max: 256 }), (userId, buckets) => {
        const bucket = bucketOf(userId, buckets);
        expect(bucket).toBeGreaterThanOrEqual(0);
        expect(bucket).toBeLessThan(buckets);
      }),
    );
  });
});
