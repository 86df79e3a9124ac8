import { describe, expect, test } from '@jest/globals';

import type { Duration } from './duration.js';
import { requestedExpiryOf } from './expiry.js';

const LIFETIME = 12 * 3600 * 1000;
const DAY = 24 * 3600 * 1000;
const LIMITS = { lifetime: LIFETIME, maxLifetime: 30 * DAY };

describe('`expires`', () => {
  test.each<[string, Duration | Date | undefined, ReturnType<typeof requestedExpiryOf>]>([
    ['undefined means the default lifetime', undefined, { kind: 'for', value: LIFETIME }],
    ['one millisecond is a lifetime', 1, { kind: 'for', value: 1 }],
    ['fractions of a millisecond are dropped', 1.99, { kind: 'for', value: 1 }],
    ['text is a lifetime', '8h', { kind: 'for', value: 8 * 3_600_000 }],
    ['1e12 - 1 is the longest lifetime', 1e12 - 1, { kind: 'for', value: 1e12 - 1 }],
    ['1e12 is the first timestamp', 1e12, { kind: 'until', value: 1e12 }],
    ['1e12 - 0.5 is a lifetime', 1e12 - 0.5, { kind: 'for', value: 1e12 - 1 }],
    [
      'a Date is a timestamp',
      new Date(1_763_920_000_000),
      { kind: 'until', value: 1_763_920_000_000 },
    ],
    ['a Date before 2001 is a timestamp too', new Date(5000), { kind: 'until', value: 5000 }],
    ['a Date before 1970 is a timestamp too', new Date(-5000), { kind: 'until', value: -5000 }],
  ])('%s', (_, expires, expiresAt) => {
    expect(requestedExpiryOf(expires, LIMITS)).toEqual(expiresAt);
  });

  test.each<unknown>([
    0,
    -1,
    -0,
    0.999,
    -1e13,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
    new Date('no date'),
    null,
    '12 parsecs',
    '-8h',
    '0h',
    '3600',
    '',
    true,
    10n,
    Symbol('soon'),
    [1000],
    {},
    { toString: null, valueOf: null },
    Object.create(null),
  ])('%p is rejected with an explanation', (expires) => {
    const attempt = () => requestedExpiryOf(expires as number, LIMITS);
    expect(attempt).toThrow(expect.objectContaining({ code: 'ERR_SESSION_EXPIRES' }));
    expect(attempt).toThrow(/^`expires` must be /);
  });

  test.each([0, 1, 15, 29])(
    'Unix seconds, %d days from now, are refused with that word',
    (days) => {
      const seconds = Math.ceil((Date.now() + days * DAY) / 1000) + 60;
      const attempt = () => requestedExpiryOf(seconds, LIMITS);
      expect(attempt).toThrow(expect.objectContaining({ code: 'ERR_SESSION_EXPIRES' }));
      expect(attempt).toThrow(new RegExp(`is ${seconds}, which are Unix seconds \\(20`));
    },
  );

  test('a number that as Unix seconds has passed or is too far ahead is a lifetime', () => {
    for (const ms of [Date.now() - DAY, Date.now() + 31 * DAY]) {
      const value = Math.floor(ms / 1000);
      expect(requestedExpiryOf(value, LIMITS)).toEqual({ kind: 'for', value });
    }
  });

  test('a lifetime that could be Unix seconds can be written as text', () => {
    const value = Math.floor((Date.now() + DAY) / 1000);
    expect(requestedExpiryOf(`${value}ms`, LIMITS)).toEqual({ kind: 'for', value });
  });
});
