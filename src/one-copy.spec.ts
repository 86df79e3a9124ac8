import { describe, expect, it } from '@jest/globals';

import { oneCopy } from './one-copy.js';

/** Each test has its own version, because the copies are kept as long as the process runs. */
let versions = 0;
const nextVersion = () => `test-${(versions += 1)}`;

/** A loader of what must not be loaded. */
const never = (): never => {
  throw new Error('loaded');
};

describe('oneCopy', () => {
  it('gives the second build the exports of the first, and never loads its own', () => {
    const version = nextVersion();
    const own = { SessionService: class {} };
    const first = oneCopy('.', { format: 'esm', version }, { esm: () => own });
    const second = oneCopy('.', { format: 'cjs', version }, { cjs: never });
    expect(first).toBe(own);
    expect(second).toBe(own);
  });

  it('loads every entry point from the build that was loaded first', () => {
    const version = nextVersion();
    const testing = { SessionTestingModule: class {} };
    oneCopy('.', { format: 'cjs', version }, { cjs: () => ({}) });
    const loaders = { esm: never, cjs: () => testing };
    expect(oneCopy('testing', { format: 'esm', version }, loaders)).toBe(testing);
    expect(oneCopy('testing', { format: 'cjs', version }, { esm: never, cjs: never })).toBe(
      testing,
    );
  });

  it('keeps two versions apart', () => {
    const [older, newer] = [{}, {}];
    oneCopy('.', { format: 'esm', version: nextVersion() }, { esm: () => older });
    const load = { esm: () => newer };
    expect(oneCopy('.', { format: 'esm', version: nextVersion() }, load)).toBe(newer);
  });

  it('lets another build be the first if one fails to load', () => {
    const version = nextVersion();
    const own = {};
    expect(() => oneCopy('.', { format: 'cjs', version }, { cjs: never })).toThrow('loaded');
    expect(oneCopy('.', { format: 'esm', version }, { esm: () => own })).toBe(own);
  });
});
