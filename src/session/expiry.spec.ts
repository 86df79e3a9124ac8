import { describe, expect, test } from '@jest/globals';

import { requestedExpiryOf } from './expiry.js';

const LIFETIME = 12 * 3600 * 1000;

describe('`expires`', () => {
  test.each<[string, number | Date | undefined, ReturnType<typeof requestedExpiryOf>]>([
    ['undefined means the default lifetime', undefined, { kind: 'for', value: LIFETIME }],
    ['one millisecond is a lifetime', 1, { kind: 'for', value: 1 }],
    ['fractions of a millisecond are dropped', 1.99, { kind: 'for', value: 1 }],
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
    expect(requestedExpiryOf(expires, LIFETIME)).toEqual(expiresAt);
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
    '12h',
    true,
    10n,
    Symbol('soon'),
    [1000],
    {},
    { toString: null, valueOf: null },
    Object.create(null),
  ])('%p is rejected with an explanation', (expires) => {
    const attempt = () => requestedExpiryOf(expires as number, LIFETIME);
    expect(attempt).toThrow(expect.objectContaining({ code: 'ERR_SESSION_EXPIRES' }));
    expect(attempt).toThrow(/^`expires` must be /);
  });
});
