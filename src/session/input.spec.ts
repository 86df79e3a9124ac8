import { describe, expect, test } from '@jest/globals';
import { assert, object, property, string } from 'fast-check';

import { checkClient, checkData, checkEnd, checkPatch, checkUserId, show } from './input.js';

const refused = expect.objectContaining({ code: 'ERR_SESSION_INPUT' });

describe('text for the ledger', () => {
  test('is taken as it is, or refused: never changed', () => {
    assert(
      property(string({ unit: 'binary', maxLength: 300 }), (userId) => {
        const isFine =
          userId !== '' &&
          userId.length <= 255 &&
          userId.isWellFormed() &&
          !/[\x00-\x1f\x7f-\x9f]/.test(userId);
        if (isFine) expect(checkUserId(userId)).toBe(userId);
        else expect(() => checkUserId(userId)).toThrow(refused);
      }),
    );
  });

  test('of an end is the usual reason and no actor, where nothing is said', () => {
    expect(checkEnd(undefined, 'logout')).toEqual({ reason: 'logout', actor: '' });
    expect(checkEnd({}, 'logout')).toEqual({ reason: 'logout', actor: '' });
    expect(checkEnd({ actor: 'bob' }, 'logout')).toEqual({ reason: 'logout', actor: 'bob' });
  });
});

describe("a browser's name for itself", () => {
  test('is never refused, and fits the ledger afterwards', () => {
    assert(
      property(string({ unit: 'binary', maxLength: 1200 }), (given) => {
        const { userAgent } = checkClient({ userAgent: given });
        expect(userAgent.length).toBeLessThanOrEqual(512);
        expect(userAgent.isWellFormed()).toBe(true);
        expect(userAgent).not.toMatch(/[\x00-\x1f\x7f-\x9f]/);
      }),
    );
  });
});

describe('data', () => {
  test('comes out as JSON would have it', () => {
    assert(
      property(object({ withBigInt: false }), (data) => {
        expect(checkData(data as never)).toEqual(JSON.parse(JSON.stringify(data)));
      }),
    );
  });

  test('is a copy: what the caller does to it later has no effect', () => {
    const data = { list: [1] };
    const checked = checkData(data);
    data.list.push(2);
    expect(checked).toEqual({ list: [1] });
  });

  test('keeps, in a patch, the fields to be removed', () => {
    expect(checkPatch({ a: 1, b: undefined })).toStrictEqual({ a: 1, b: undefined });
  });
});

describe('an error shows the value', () => {
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
  ])('%p', (value, shown) => {
    expect(show(value)).toBe(shown);
  });
});
