import type { ForgottenEvent } from './evidence.js';

/** Moments in ms since 1970, inclusive. */
export interface Span {
  from: number;
  to: number;
}

/** A time at which Redis forgot changes that it had acknowledged. */
export interface RedisLoss extends Span {
  /** `failover` and `rollback`: it forgot what changed since `from`. `emptied`: it forgot everything. */
  kind: 'failover' | 'rollback' | 'emptied';
  /** When it forgot. It served again at `to`. */
  at: number;
  buckets: Set<number>;
  /** By when everything had to be made good, once the campaign has seen that it was. */
  mendedAt?: number;
  /** What was in the outboxes when it forgot, and isn't any more; null if that is unknown. */
  forgotten: ForgottenEvent[] | null;
}

/** A time at which Postgres went back, and forgot what it had committed since `from`. */
export interface PostgresLoss extends Span {
  /** What it had committed since then. */
  forgotten: ForgottenEvent[];
}

/** A time in which the ledger had to be held, because Redis was empty and not adopted yet. */
export interface Hold extends Span {
  /** When the first node was emptied; `from` is when the last one was. */
  beganAt: number;
  /** When the adoption, which began at `to`, was done. */
  adoptedAt: number;
}

/** What the campaign did to the servers' data. */
export interface Damages {
  redisLosses: RedisLoss[];
  postgresLosses: PostgresLoss[];
  holds: Hold[];
  /** Times in which a process was connected to a wrong Redis. */
  strangers: Span[];
}

/** The options of the campaign's sessions that the checks depend on. */
export interface Guarantees {
  /** In ms, or 0 for none. */
  idleTimeout: number;
  maxSessionsPerUser: number;
  overflow: 'evict-oldest' | 'reject';
  /** Nothing may be lost unless one of them explains it. */
  damages: Damages;
}

export function noDamages(): Damages {
  return { redisLosses: [], postgresLosses: [], holds: [], strangers: [] };
}

/** How much two clock readings may differ on one machine (ms), because Redis caches its clock. */
export const TOLERANCE = 100;

export function isWithin(moment: number, { from, to }: Span): boolean {
  return moment >= from - TOLERANCE && moment <= to + TOLERANCE;
}

/** Whether some of the call lies within the span. */
export function overlaps(
  { startedAt, endedAt }: { startedAt: number; endedAt: number | null },
  { from, to }: Span,
): boolean {
  return startedAt <= to + TOLERANCE && (endedAt ?? Infinity) >= from - TOLERANCE;
}

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
