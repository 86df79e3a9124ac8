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
  test('is the bucket and 256 random bits, and leads back to its bucket', () => {
    for (const bucket of [0, 1, 15, 16, 255]) {
      const id = generateSessionId(bucket);
      expect(id).toMatch(/^[0-9a-f]{2}[\w-]{43}$/);
      expect(Buffer.from(id.slice(2), 'base64url')).toHaveLength(32);
      expect(parseSessionId(id, 256)).toEqual({ bucket, digest: digestOf(id) });
    }
  });

  test('is never given out twice', () => {
    const ids = Array.from({ length: 10_000 }, () => generateSessionId(7));
    expect(new Set(ids).size).toBe(ids.length);
  });

  test('has one spelling only: that of its 256 bits', () => {
    const bits = bigInt({ min: 0n, max: 2n ** 256n - 1n });
    assert(
      property(bits, (number) => {
        const bytes = Buffer.from(number.toString(16).padStart(64, '0'), 'hex');
        const id = `00${bytes.toString('base64url')}`;
        expect(parseSessionId(id, 1)).not.toBeNull();
        // The last character has two bits to spare, which a decoder would not look at.
        const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
        const last = alphabet.indexOf(id.at(-1)!);
        for (const spare of [1, 2, 3]) {
          expect(parseSessionId(id.slice(0, -1) + alphabet[last + spare], 1)).toBeNull();
        }
      }),
    );
  });

  test('of a bucket that this application has not is malformed', () => {
    const id = generateSessionId(16);
    expect(parseSessionId(id, 16)).toBeNull();
    expect(parseSessionId(id, 17)).toMatchObject({ bucket: 16 });
  });

  test.each<[string, unknown]>([
    ['nothing', undefined],
    ['null', null],
    ['a number', 45],
    ['a list with an ID', [generateSessionId(0)]],
    ['an object that reads as an ID', { toString: () => generateSessionId(0) }],
    ['empty text', ''],
    ['an ID in capitals', generateSessionId(10).toUpperCase()],
    ['an ID with a line break', `${generateSessionId(0)}\n`],
    ['an ID with padding', `${generateSessionId(0)}=`],
  ])('is not %s', (_, value) => {
    expect(parseSessionId(value, 256)).toBeNull();
    expect(parseHandle(value, 256)).toBeNull();
  });
});

describe('a handle', () => {
  test('names the session by the digest of its ID, and does not tell the ID', () => {
    const id = generateSessionId(3);
    const address = parseSessionId(id, 16)!;
    const handle = formatHandle(address);
    expect(parseHandle(handle, 16)).toEqual(address);
    expect(handle).not.toContain(id.slice(2));
    expect(handle).toBe(`03${digestOf(id)}`);
  });

  test('is SHA-256 in base64url, as SQL can compute it', () => {
    expect(digestOf('abc')).toBe('ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0');
  });
});

describe("a user's bucket", () => {
  test('is the same for ever: sessions lie there', () => {
    expect(['ada', 'bob', '', '{0}', 'ядро 😀'].map((userId) => bucketOf(userId, 16))).toEqual([
      13, 8, 2, 0, 8,
    ]);
    expect(bucketOf('bob', 256)).toBe(216);
  });

  test('is one of those that there are', () => {
    assert(
      property(string(), integer({ min: 1, max: 256 }), (userId, buckets) => {
        const bucket = bucketOf(userId, buckets);
        expect(bucket).toBeGreaterThanOrEqual(0);
        expect(bucket).toBeLessThan(buckets);
      }),
    );
  });
});
