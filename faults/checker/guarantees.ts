/** The time of a failover, in which acknowledged writes may be lost. */
export interface LossWindow {
  from: number;
  to: number;
  buckets: Set<number>;
}

/** The options of the campaign's sessions that the checks depend on. */
export interface Guarantees {
  /** In ms, or 0 for none. */
  idleTimeout: number;
  maxSessionsPerUser: number;
  overflow: 'evict-oldest' | 'reject';
  /** Empty on a single Redis, where nothing may be lost. */
  lossWindows: LossWindow[];
}

/** How much two clock readings may differ on one machine (ms), because Redis caches its clock. */
export const TOLERANCE = 100;

/** Error codes that mean that the call changed nothing. */
const REJECTIONS = new Set([
  'ERR_SESSION_LIMIT',
  'ERR_SESSION_BACKLOG',
  'ERR_SESSION_EXPIRES',
  'ERR_SESSION_INPUT',
  'ERR_SESSION_NOT_FOUND',
]);

export function isRejection(code: string): boolean {
  return REJECTIONS.has(code);
}
