import { describe } from '@jest/globals';

import { redisCluster } from '../../support/redis-under-test.js';
import { describeSessions } from './session.contract.js';

describe('sessions in a Redis Cluster of three masters', () => describeSessions(redisCluster));
