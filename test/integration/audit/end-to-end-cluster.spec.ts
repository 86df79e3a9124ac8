import { describe } from '@jest/globals';

import { redisCluster } from '../../support/redis-under-test.js';
import { describeEveryEnd } from './end-to-end.js';
import { useLedger } from './use-ledger.js';

describe('the trail of a Redis Cluster', () => describeEveryEnd(useLedger(redisCluster)));
