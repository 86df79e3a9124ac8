import { describe, expect, test } from '@jest/globals';

import { requestedExpiryOf } from './expiry.js';

const LIFETIME = 12 * 3600 * 1000;

describe('`expires`', () => {
  test.each<[string, number | Date | undefined, ReturnType<typeof requestedExpiryOf>]>([
    ['left out: the usual lifetime', undefined, { kind: 'for', value: LIFETIME }],
    ['one millisecond', 1, { kind: 'for', value: 1 }],
    ['a part of a millisecond more', 1.99, { kind: 'for', value: 1 }],
    ['the longest that can be a lifetime', 1e12 - 1, { kind: 'for', value: 1e12 - 1 }],
    ['the first that can only be a moment', 1e12, { kind: 'until', value: 1e12 }],
    ['just before it', 1e12 - 0.5, { kind: 'for', value: 1e12 - 1 }],
    ['a Date', new Date(1_763_920_000_000), { kind: 'until', value: 1_763_920_000_000 }],
    ['a Date before 2001, which is no lifetime', new Date(5000), { kind: 'until', value: 5000 }],
    ['a Date before 1970', new Date(-5000), { kind: 'until', value: -5000 }],
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
  ])('%p is refused, by an error that says so', (expires) => {
    const attempt = () => requestedExpiryOf(expires as number, LIFETIME);
    expect(attempt).toThrow(expect.objectContaining({ code: 'ERR_SESSION_EXPIRES' }));
    expect(attempt).toThrow(/^`expires` must be /);
  });
});
