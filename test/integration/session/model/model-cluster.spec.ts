import { describe } from '@jest/globals';

import { redisCluster } from '../../../support/redis-under-test.js';
import { describeModel } from './session.model.js';

describe('a model of sessions in a Redis Cluster', () => describeModel(redisCluster, 60));
