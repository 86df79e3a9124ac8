import { describe, expect, test } from '@jest/globals';
import { assert, object, property, string } from 'fast-check';

import { checkClient, checkData, checkEnd, checkPatch, checkUserId } from './input.js';

const rejection = expect.objectContaining({ code: 'ERR_SESSION_INPUT' });

describe('checks of text', () => {
  test('a user ID is accepted unchanged or rejected', () => {
    assert(
      property(string({ unit: 'binary', maxLength: 300 }), (userId) => {
        const isValid =
          userId !== '' &&
          userId.length <= 255 &&
          userId.isWellFormed() &&
          !/[\x00-\x1f\x7f-\x9f]/.test(userId);
        if (isValid) expect(checkUserId(userId)).toBe(userId);
        else expect(() => checkUserId(userId)).toThrow(rejection);
      }),
    );
  });

  test('an end without details has the default reason and no actor', () => {
    expect(checkEnd(undefined, 'logout')).toEqual({ reason: 'logout', actor: '' });
    expect(checkEnd({}, 'logout')).toEqual({ reason: 'logout', actor: '' });
    expect(checkEnd({ actor: 'bob' }, 'logout')).toEqual({ reason: 'logout', actor: 'bob' });
  });
});

describe('checks of the client', () => {
  test('a user agent is never rejected, and is cleaned so that it fits the ledger', () => {
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

describe('checks of data', () => {
  test('data is normalized like JSON', () => {
    assert(
      property(object({ withBigInt: false }), (data) => {
        expect(checkData(data as never)).toEqual(JSON.parse(JSON.stringify(data)));
      }),
    );
  });

  test('data is copied, so later changes by the caller have no effect', () => {
    const data = { list: [1] };
    const checked = checkData(data);
    data.list.push(2);
    expect(checked).toEqual({ list: [1] });
  });

  test('a patch keeps the fields to be removed', () => {
    expect(checkPatch({ a: 1, b: undefined })).toStrictEqual({ a: 1, b: undefined });
  });
});
