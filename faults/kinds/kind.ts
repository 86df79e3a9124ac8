import type { World } from '../world.js';

/** A kind of fault. */
export interface Kind {
  name: string;
  /** Where it can happen. */
  on: 'single' | 'cluster' | 'both';
  /** How often it is drawn, beside the others. Default 1. */
  weight?: number;
  /** Does the harm and, when it returns, has undone it; the system may still be recovering. */
  strike(world: World): Promise<void>;
}
