/** A failover of asynchronous replication: what was acknowledged in it may be lost, detectably. */
export interface LossWindow {
  from: number;
  to: number;
  buckets: Set<number>;
}

/** The rules that the sessions of a campaign live by. */
export interface Promises {
  /** ms, or 0. */
  idleTimeout: number;
  maxSessionsPerUser: number;
  overflow: 'evict-oldest' | 'reject';
  /** Empty on a single Redis: nothing may be lost. */
  lossWindows: LossWindow[];
}

/** ms by which two clock readings on one machine may differ, as Redis's are cached for a moment. */
export const TOLERANCE = 100;

/** Codes that say for sure that nothing was done. */
const REFUSALS = new Set([
  'ERR_SESSION_LIMIT',
  'ERR_SESSION_BACKLOG',
  'ERR_SESSION_EXPIRES',
  'ERR_SESSION_INPUT',
  'ERR_SESSION_NOT_FOUND',
]);

export function isRefusal(code: string): boolean {
  return REFUSALS.has(code);
}
