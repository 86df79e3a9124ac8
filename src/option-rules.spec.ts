import { describe, expect, test } from '@jest/globals';

import { show } from './option-rules.js';

describe('values in error messages', () => {
  test.each<[unknown, string]>([
    ['text', '"text"'],
    ['a\nb', '"a\\nb"'],
    ['x'.repeat(100), `"${'x'.repeat(79)}…`],
    [7, '7'],
    [undefined, 'undefined'],
    [null, 'null'],
    [Symbol('s'), 'Symbol(s)'],
    [new Date(Number.NaN), 'Invalid Date'],
    [[1], 'an array'],
    [{ toString: 1 }, 'an object'],
    [Object.create(null), 'an object'],
  ])('%p is shown as %s', (value, shown) => {
    expect(show(value)).toBe(shown);
  });
});
