import { describe, expect, test } from '@jest/globals';

import { milliseconds, type Duration } from './duration.js';

describe('a duration', () => {
  test.each<[Duration, number]>([
    [1500, 1500],
    ['250ms', 250],
    ['30s', 30_000],
    ['30m', 1_800_000],
    ['12h', 43_200_000],
    ['7d', 604_800_000],
    ['2 w', 1_209_600_000],
    ['0.5h', 1_800_000],
  ])('%p is %d ms', (duration, ms) => {
    expect(milliseconds(duration)).toBe(ms);
  });

  test.each<unknown>(['', 'soon', '10 parsecs', 'm', '1h 30m', ' ', 'x'.repeat(200), null, {}])(
    '%p is not a duration',
    (text) => {
      expect(milliseconds(text as Duration)).toBeNaN();
    },
  );
});
