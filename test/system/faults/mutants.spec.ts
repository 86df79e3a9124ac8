import { readFileSync } from 'node:fs';

import { describe, expect, test } from '@jest/globals';

import { kindsFor } from '../../../faults/kinds/index.js';
import { mutants } from '../../../faults/mutants/mutants.js';

// Trying them takes an hour (docs/reliability.md); that they still fit the code is seen at once.
describe('the deliberate breaks of the code', () => {
  test.each(mutants)('$name finds what it changes, once', ({ edits }) => {
    for (const { file, from } of edits) {
      expect(readFileSync(file, 'utf8').split(from)).toHaveLength(2);
    }
  });

  test.each([false, true])('leave out no kind of fault (on a Cluster: %s)', (isCluster) => {
    const kinds = kindsFor(isCluster, []).map(({ name }) => name);
    const broken = new Set(mutants.map(({ kind }) => kind));
    expect(kinds.filter((kind) => !broken.has(kind))).toEqual([]);
  });
});
