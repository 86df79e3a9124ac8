import type { Scenario } from '../harness/scenario.js';
import { create } from './create.js';
import { drain } from './drain.js';
import { growth } from './growth.js';
import { http } from './http.js';
import { lag } from './lag.js';
import { memory } from './memory.js';
import { sweep } from './sweep.js';
import { validate } from './validate.js';

/**
 * All benchmarks, in the order of the table. To add one:
 *
 * 1. Write a contender for each side of the comparison: a file in `contenders` that exports `open`.
 *    It prepares everything on the servers it is given, then returns the methods to be measured. Each
 *    contender runs in a separate process. `openApplication()` opens the module as its users do, and
 *    `sample-data.ts` has the user IDs and clients that all contenders store. Tune the alternative as
 *    well as you can, and say in its comment what you tried.
 * 2. Write a `Scenario` in this folder (`harness/scenario.ts` explains its parts) and list it below.
 *    - To compare rates: the contenders return a `Candidate`, and `measureInterleaved()` runs them
 *      alternately. `relativeRow()` makes a row from two of them. See `validate.ts`.
 *    - To measure anything else: `spawn()` starts a contender, `call()` calls its methods, and `stop()`
 *      ends it. See `lag.ts`.
 *
 *    If `effort.quick` is set, measure as little as possible: the tests run every scenario that way.
 * 3. Add its rows to `test/system/bench/bench.spec.ts` and its figures to `docs/performance.md`.
 *
 * `npm run bench -- --only ROW` measures only that row.
 */
export const scenarios: readonly Scenario[] = [
  validate,
  create,
  drain,
  http,
  lag,
  memory,
  growth,
  sweep,
];
