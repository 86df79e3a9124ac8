import { expect, test } from '@jest/globals';

import { milliseconds } from './duration.js';
import { policies } from './policies.js';

// The numbers of NIST SP 800-63B-4, sections 2.1.3, 2.2.3 and 2.3.3.
test.each([
  ['aal1', '30d', 0],
  ['aal2', '24h', '1h'],
  ['aal3', '12h', '15m'],
] as const)(
  'policy %s has a maximum lifetime of %s and an idle timeout of %s',
  (name, maxLifetime, idleTimeout) => {
    expect(policies[name]).toEqual({
      maxLifetime: milliseconds(maxLifetime),
      idleTimeout: milliseconds(idleTimeout),
    });
  },
);
