import type { LossWindow } from './checker/promises.js';
import type { Fleet } from './fleet.js';
import type { Random } from './random.js';
import type { Servers } from './servers.js';
import type { Traffic } from './traffic.js';

/** What a fault can lay hands on. */
export interface World {
  servers: Servers;
  fleet: Fleet;
  traffic: Traffic;
  random: Random;
  /** Kinds that reign just now. */
  reigning: string[];
  /** Where failovers may have lost what was answered. */
  lossWindows: LossWindow[];
  /** Harm that lasts until the system has settled in spite of it. */
  undoAfterCheck: (() => void)[];
  /** What went wrong outside of any call. */
  complaints: string[];
}
