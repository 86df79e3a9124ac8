import { describe, expect, jest, test } from '@jest/globals';

import { RedisClock } from './redis-clock.js';

const THEN = 1_000_000;

describe("Redis's clock, as a process knows it", () => {
  test('is asked once, however many want to know', async () => {
    const readTime = jest.fn(async () => THEN);
    const clock = new RedisClock(readTime);
    expect(clock.estimate()).toBeUndefined();
    const times = await Promise.all(Array.from({ length: 10 }, () => clock.now()));
    expect(readTime).toHaveBeenCalledTimes(1);
    for (const time of times) expect(time).toBeGreaterThanOrEqual(THEN);
    expect(clock.estimate()).toBeLessThan(THEN + 10_000);
  });

  test('goes on without being asked, and takes the time that a script answers with', async () => {
    const clock = new RedisClock(async () => THEN);
    const first = await clock.now();
    while (clock.estimate()! <= first) continue;
    clock.set(5 * THEN);
    expect(clock.estimate()).toBeGreaterThanOrEqual(5 * THEN);
    expect(clock.estimate()).toBeLessThan(5 * THEN + 10_000);
  });

  test('is not known while Redis is away, and asked for again', async () => {
    let isAway = true;
    const clock = new RedisClock(async () => {
      if (isAway) throw new Error('away');
      return THEN;
    });
    await expect(clock.now()).rejects.toThrow('away');
    expect(clock.estimate()).toBeUndefined();
    isAway = false;
    expect(await clock.now()).toBeGreaterThanOrEqual(THEN);
  });
});
