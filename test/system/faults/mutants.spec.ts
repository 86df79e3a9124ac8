import { readFileSync } from 'node:fs';

import { describe, expect, test } from '@jest/globals';

import { kindsFor } from '../../../faults/kinds/index.js';
import { mutants } from '../../../faults/mutants/mutants.js';

// Running the mutants takes an hour (docs/reliability.md). This only shows that they fit the code.
describe('the mutants of the fault campaign', () => {
  test.each(mutants)('the code that $name changes occurs exactly once', ({ edits }) => {
    for (const { file, from } of edits) {
      expect(readFileSync(file, 'utf8').split(from)).toHaveLength(2);
    }
  });

  test.each([
    ['a single Redis', false],
    ['a Cluster', true],
  ])('every kind of fault on %s has a mutant', (_, isCluster) => {
    const kinds = kindsFor(isCluster, []).map(({ name }) => name);
    const withMutant = new Set(mutants.map(({ kind }) => kind));
    expect(kinds.filter((kind) => !withMutant.has(kind))).toEqual([]);
  });
});
