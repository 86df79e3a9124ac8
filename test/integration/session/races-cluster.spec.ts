import { describe } from '@jest/globals';

import { redisCluster } from '../../support/redis-under-test.js';
import { describeRaces } from './races.js';

describe('races in a Redis Cluster', () => describeRaces(redisCluster));
