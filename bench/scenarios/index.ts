import type { Scenario } from '../harness/scenario.js';
import { create } from './create.js';
import { validate } from './validate.js';

export const scenarios: readonly Scenario[] = [validate, create];
