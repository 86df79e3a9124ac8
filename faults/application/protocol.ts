import type { SessionModuleOptions } from 'nest-session-ledger';

/** A call to the module. The number of the call, in `marker` or `actor`, ties records to calls. */
export type Operation =
  | { op: 'create'; userId: string; marker: string; lifetime: number; until?: number }
  | { op: 'validate' | 'find' | 'rotate'; id: string; handle: string }
  | { op: 'update'; id: string; handle: string; patch: { [field: string]: number } }
  | { op: 'list'; userId: string }
  | { op: 'destroy' | 'destroyByHandle'; id: string; handle: string; actor: string }
  | { op: 'destroyAll'; userId: string; actor: string; except?: string; exceptHandle?: string }
  | { op: 'flush' | 'reconcile' | 'acceptLosses' | 'adopt' };

/** What a call returned. */
export type Value =
  | { created: { id: string; handle: string; createdAt: number; expiresAt: number } }
  | { live: boolean }
  | { handles: string[] }
  | { report: object }
  | { done: true };

export type Answer = { ok: true; value: Value } | { ok: false; code: string; message: string };

/** A fault at the commit of the next transaction that writes to the ledger. */
export interface CommitFault {
  point: 'before-commit' | 'inside-commit' | 'after-commit';
  /** Kill the process, block its event loop, or only delay the transaction. */
  action: 'kill' | 'block' | 'pause';
  ms: number;
}

export interface StartOptions {
  module: Pick<
    SessionModuleOptions,
    'prefix' | 'buckets' | 'idleTimeout' | 'maxSessionsPerUser' | 'overflow' | 'audit' | 'lifetime'
  >;
  redis: string | { nodes: string[]; natMap: { [node: string]: { host: string; port: number } } };
  database: string;
  /** Give the module a `DataSource` whose commits can fail on purpose. */
  commitFaults: boolean;
  /** Shorten BullMQ's locks, so that blocking the process for a few seconds outlasts them. */
  shortLocks: boolean;
  /** How far off `Date` is (ms). */
  clockShift: number;
}

/** What the harness calls in a process of the application. */
export interface ApplicationMethods {
  /** Resolves once the application has started. */
  start(options: StartOptions): Promise<void>;
  /** Waits for the start, if necessary. */
  perform(operation: Operation): Promise<Answer>;
  shiftClock(ms: number): Promise<void>;
  block(ms: number): Promise<void>;
  /** Arms this fault instead of any that is already armed. Resolves when the fault happens. */
  armCommitFault(fault: CommitFault): Promise<void>;
}
