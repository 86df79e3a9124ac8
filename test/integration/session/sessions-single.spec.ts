import { describe } from '@jest/globals';

import { singleRedis } from '../../support/redis-under-test.js';
import { describeSessions } from './session.contract.js';

describe('sessions in a single Redis', () => describeSessions(singleRedis));
