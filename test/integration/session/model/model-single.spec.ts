import { describe } from '@jest/globals';

import { singleRedis } from '../../../support/redis-under-test.js';
import { describeModel } from './session.model.js';

describe('a model of sessions in a single Redis', () => describeModel(singleRedis, 200));
