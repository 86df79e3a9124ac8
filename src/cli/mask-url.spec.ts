import { describe, expect, it } from '@jest/globals';

import { maskUrl } from './mask-url.js';

describe('maskUrl', () => {
  it.each([
    ['postgres://ann@db.example:5432/ledger', 'postgres://ann@db.example:5432/ledger'],
    ['postgres://ann:secret@db.example/ledger', 'postgres://ann:***@db.example/ledger'],
    ['postgres://db.example/x?password=secret', 'postgres://db.example/x'],
    ['postgres://ann:sec#ret@db.example/x', 'postgres://…'],
    ['postgres://ann:sec/ret@db.example/x', 'postgres://…'],
    ['redis://:secret@cache:6379/2', 'redis://:***@cache:6379/2'],
    ['rediss://secret@cache:6379', 'rediss://***@cache:6379'],
    ['ann:secret@cache', '…'],
    ['secret', '…'],
  ])('prints %s as %s', (url, masked) => {
    expect(maskUrl(url)).toBe(masked);
  });
});
