import { describe, expect, jest, test } from '@jest/globals';

import { RedisClock } from './redis-clock.js';

const THEN = 1_000_000;

describe('RedisClock', () => {
  test('simultaneous calls ask Redis once', async () => {
    const readTime = jest.fn(async () => THEN);
    const clock = new RedisClock(readTime);
    expect(clock.estimate()).toBeUndefined();
    const times = await Promise.all(Array.from({ length: 10 }, () => clock.now()));
    expect(readTime).toHaveBeenCalledTimes(1);
    for (const time of times) expect(time).toBeGreaterThanOrEqual(THEN);
    expect(clock.estimate()).toBeLessThan(THEN + 10_000);
  });

  test('the clock runs on between requests and can be set from a reply', async () => {
    const clock = new RedisClock(async () => THEN);
    const first = await clock.now();
    while (clock.estimate()! <= first) continue;
    clock.set(5 * THEN);
    expect(clock.estimate()).toBeGreaterThanOrEqual(5 * THEN);
    expect(clock.estimate()).toBeLessThan(5 * THEN + 10_000);
  });

  test('after a failure, the next call asks Redis again', async () => {
    let isDown = true;
    const clock = new RedisClock(async () => {
      if (isDown) throw new Error('down');
      return THEN;
    });
    await expect(clock.now()).rejects.toThrow('down');
    expect(clock.estimate()).toBeUndefined();
    isDown = false;
    expect(await clock.now()).toBeGreaterThanOrEqual(THEN);
  });
});
