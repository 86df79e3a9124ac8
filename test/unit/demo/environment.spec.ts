import { describe, expect, test } from '@jest/globals';

import { addressOf, mayShowPasswords } from '../../../demo/startup/environment.js';

const DEFAULTS = { host: '127.0.0.1', port: 3000, redisUrl: undefined, databaseUrl: undefined };

describe('The sign-in page offers the demo accounts', () => {
  test.each(['127.0.0.1', 'localhost', '::1'])('if the demo only listens on %s', (host) => {
    expect(mayShowPasswords({ ...DEFAULTS, host })).toBe(true);
  });

  test.each([
    { host: '0.0.0.0' },
    { host: '::' },
    { host: '192.0.2.7' },
    { redisUrl: 'redis://localhost' },
    { databaseUrl: 'postgres://localhost/app' },
  ])('but not with %p', (setting) => {
    expect(mayShowPasswords({ ...DEFAULTS, ...setting })).toBe(false);
  });
});

test.each([
  ['127.0.0.1', 'http://localhost:3000'],
  ['::', 'http://localhost:3000'],
  ['192.0.2.7', 'http://192.0.2.7:3000'],
  ['2001:db8::7', 'http://[2001:db8::7]:3000'],
])('The address of a demo on host %s is %s', (host, address) => {
  expect(addressOf({ host, port: 3000 })).toBe(address);
});
