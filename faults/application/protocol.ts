import type { SessionModuleOptions } from 'nest-session-ledger';

/** A call that the harness asks a process for. `n` in an actor or marker ties records to calls. */
export type Operation =
  | { op: 'create'; userId: string; marker: string; lifetime: number; until?: number }
  | { op: 'validate' | 'find' | 'rotate'; id: string; handle: string }
  | { op: 'update'; id: string; handle: string; patch: { [field: string]: number } }
  | { op: 'list'; userId: string }
  | { op: 'destroy' | 'destroyByHandle'; id: string; handle: string; actor: string }
  | { op: 'destroyAll'; userId: string; actor: string; except?: string; exceptHandle?: string }
  | { op: 'flush' | 'reconcile' };

/** What a call answered. */
export type Value =
  | { begun: { id: string; handle: string; createdAt: number; expiresAt: number } }
  | { live: boolean }
  | { handles: string[] }
  | { report: object }
  | { done: true };

export type Answer = { ok: true; value: Value } | { ok: false; code: string; message: string };

/** Where in the drain's transaction an aimed fault strikes. */
export type AimPoint = 'before-commit' | 'inside-commit' | 'after-commit';

export interface StartOptions {
  module: Pick<
    SessionModuleOptions,
    'prefix' | 'buckets' | 'idleTimeout' | 'maxSessionsPerUser' | 'overflow' | 'audit' | 'lifetime'
  >;
  redis: string | { nodes: string[]; natMap: { [node: string]: { host: string; port: number } } };
  database: string;
  /** Hand in a live `DataSource`, whose commits can be aimed at. */
  aimable: boolean;
  /** Locks of BullMQ that a block of a few seconds outlives. */
  shortLocks: boolean;
  /** ms that `Date` is off. */
  clockShift: number;
}

/** From the harness to a process. */
export type Request =
  | { type: 'start'; options: StartOptions }
  | { type: 'call'; n: number; operation: Operation }
  | { type: 'clock'; shift: number }
  | { type: 'block'; ms: number }
  | { type: 'aim'; point: AimPoint; act: 'kill' | 'block' | 'pause'; ms: number }
  | { type: 'stop' };

/** From a process to the harness. */
export type Response =
  | { type: 'loaded' }
  | { type: 'started' }
  | { type: 'aimed' }
  | { type: 'answer'; n: number; answer: Answer };
