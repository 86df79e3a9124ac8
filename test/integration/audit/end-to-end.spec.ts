import { describe } from '@jest/globals';

import { describeEveryEnd } from './end-to-end.js';
import { useLedger } from './use-ledger.js';

describe('the trail of a single Redis', () => describeEveryEnd(useLedger()));
