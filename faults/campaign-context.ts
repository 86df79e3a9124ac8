import type { Damages } from './checker/guarantees.js';
import type { StartOptions } from './application/protocol.js';
import type { Fleet } from './fleet.js';
import type { Random } from './random.js';
import type { Servers } from './servers.js';
import type { Traffic } from './traffic.js';

/** What a fault can use and disturb. */
export interface CampaignContext {
  servers: Servers;
  fleet: Fleet;
  /** The module's options in all processes. */
  rules: StartOptions['module'];
  traffic: Traffic;
  random: Random;
  /** The kinds of faults that are currently active. */
  activeKinds: string[];
  /** What faults did to the servers' data. */
  damages: Damages;
  /** Undo functions of the faults that stay active during the check. */
  undoAfterCheck: (() => void)[];
  /** Problems that are not the result of a call. */
  problems: string[];
}

/** A kind of fault. `kinds/index.ts` explains how to add one. */
export interface FaultKind {
  name: string;
  /** The servers that it applies to. */
  on: 'single' | 'cluster' | 'both';
  /** How often it is chosen, relative to the others. Default: 1. */
  weight?: number;
  /** Injects the fault and undoes it. The system may still be recovering when it resolves. */
  inject(context: CampaignContext): Promise<void>;
}
