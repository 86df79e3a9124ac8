import { describe, expect, it } from '@jest/globals';

import { oneCopy } from './one-copy.js';

/** Each test has its own version, because the copies are kept as long as the process runs. */
let versions = 0;
const nextVersion = () => `test-${(versions += 1)}`;

describe('oneCopy', () => {
  it('gives the second build the exports of the first, and never loads its own', () => {
    const version = nextVersion();
    const own = { SessionService: class {} };
    const first = oneCopy('.', { format: 'esm', version }, () => own);
    const second = oneCopy('.', { format: 'cjs', version }, () => {
      throw new Error('loaded');
    });
    expect(first).toBe(own);
    expect(second).toBe(own);
  });

  it('keeps two versions apart', () => {
    const [older, newer] = [{}, {}];
    oneCopy('.', { format: 'esm', version: nextVersion() }, () => older);
    expect(oneCopy('.', { format: 'esm', version: nextVersion() }, () => newer)).toBe(newer);
  });

  it('rejects an entry point of the build that was not loaded first', () => {
    const version = nextVersion();
    oneCopy('.', { format: 'cjs', version }, () => ({}));
    const load = () => oneCopy('testing', { format: 'esm', version }, () => ({}));
    expect(load).toThrow(
      "'nest-session-ledger/testing' was loaded by import, but 'nest-session-ledger' was first " +
        'loaded by require.',
    );
  });
});
