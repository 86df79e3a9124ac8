import type { Scenario } from '../harness/scenario.js';
import { create } from './create.js';
import { drain } from './drain.js';
import { memory } from './memory.js';
import { validate } from './validate.js';

export const scenarios: readonly Scenario[] = [validate, create, drain, memory];
