import type { Scenario } from '../harness/scenario.js';
import { create } from './create.js';
import { drain } from './drain.js';
import { growth } from './growth.js';
import { http } from './http.js';
import { lag } from './lag.js';
import { memory } from './memory.js';
import { sweep } from './sweep.js';
import { validate } from './validate.js';

/** In the order of the table. */
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
