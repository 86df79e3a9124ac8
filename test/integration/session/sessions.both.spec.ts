import { describe } from '@jest/globals';

import { useRedis } from '../../support/use-redis.js';
import { beginning } from './contract/beginning.js';
import { data } from './contract/data.js';
import { ending } from './contract/ending.js';
import { expiry } from './contract/expiry.js';
import { finding } from './contract/finding.js';
import { idleTimeout } from './contract/idle-timeout.js';
import { input } from './contract/input.js';
import { limit } from './contract/limit.js';
import { rotating } from './contract/rotating.js';

/** What sessions promise, whatever Redis they live in. No test asks which one it is. */
describe('sessions', () => {
  const ground = useRedis();
  describe('beginning a session', () => beginning(ground));
  describe('`expires`', () => expiry(ground));
  describe('the idle timeout', () => idleTimeout(ground));
  describe('finding sessions', () => finding(ground));
  describe('ending sessions', () => ending(ground));
  describe('rotating a session', () => rotating(ground));
  describe("a session's data", () => data(ground));
  describe('the session limit', () => limit(ground));
  describe('input', () => input(ground));
});
