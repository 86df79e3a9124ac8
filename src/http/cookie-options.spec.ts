import { describe, expect, test } from '@jest/globals';

import { resolveCookie, type CookieOptions } from './cookie-options.js';

describe('resolveCookie', () => {
  test('the defaults are the strictest options that browsers support', () => {
    expect(resolveCookie()).toEqual({
      name: '__Host-session',
      secure: true,
      sameSite: 'lax',
      persistent: false,
      trustedOrigins: [],
    });
  });

  test('the default name has no prefix if the cookie is not secure', () => {
    expect(resolveCookie({ secure: false }).name).toBe('session');
  });

  test('the default names of two modules differ', () => {
    expect(resolveCookie({}, 'staff').name).toBe('__Host-session-staff');
    expect(resolveCookie({ name: 'crew' }, 'staff').name).toBe('crew');
  });

  test.each<[CookieOptions, RegExp]>([
    [{ name: '__Host-session', secure: false }, /`cookie.name` is "__Host-session"; browsers/],
    [{ name: '__secure-s', secure: false }, /`cookie.name` is "__secure-s"; browsers reject/],
    [{ name: 'my session' }, /`cookie.name` is "my session"; use letters/],
    [{ name: '' }, /`cookie.name` is ""; use letters/],
    [{ name: 'a=b;c' }, /`cookie.name`/],
    [{ sameSite: 'none', secure: false }, /`cookie.sameSite` is "none"; browsers reject/],
    [{ sameSite: 'Lax' as 'lax' }, /`cookie.sameSite` is "Lax"; use 'lax'/],
    [{ trustedOrigins: ['app.example.com'] }, /`cookie.trustedOrigins` is "app.example.com"; use/],
    [{ trustedOrigins: ['https://app.example.com/'] }, /`cookie.trustedOrigins`/],
    [{ trustedOrigins: ['*'] }, /`cookie.trustedOrigins`/],
    [{ trustedOrigins: ['null'] }, /`cookie.trustedOrigins`/],
  ])('the options %j are rejected with the reason and a remedy', (options, message) => {
    expect(() => resolveCookie(options)).toThrow(message);
  });
});
