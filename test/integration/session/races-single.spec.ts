import { describe } from '@jest/globals';

import { singleRedis } from '../../support/redis-under-test.js';
import { describeRaces } from './races.js';

describe('races in a single Redis', () => describeRaces(singleRedis));
