/** A session's row, in the order in which the rows are read. */
export interface RowPosition {
  /** `sessions.created_at`, or `-infinity`. */
  createdAt: string;
  id: string;
}

/**
 * What a comparison does next. It goes through the open sessions in SQL twice if any are missing in
 * Redis: to count them, and to declare them lost. Then it goes through the expiry indexes, bucket by
 * bucket, and last through all keys of each server.
 */
export type AuditPosition =
  | ({ phase: 'count' | 'declare' } & RowPosition)
  | { phase: 'index'; bucket: number; cursor: string; server: string }
  | { phase: 'keys'; done: string[]; cursor: string; server: string }
  | { phase: 'done' };

/** What a reconciliation checked and did. */
export interface ReconcileReport {
  /** Sessions open in SQL that were looked up in Redis. */
  checked: number;
  /** Those that Redis does not have. Their ends are now in the outbox, unless `held`. */
  missing: number;
  /**
   * True if too many were missing (more than 5 % of the open sessions, and more than 20): this may
   * be the wrong Redis, or an empty one. They were not declared lost.
   */
  held: boolean;
  /** Sessions that are over in SQL but were alive in Redis. They were ended again. */
  resurrected: number;
  /** Sessions alive in Redis that SQL did not know. They are now recorded. */
  recovered: number;
  /**
   * Sessions that were missing in the expiry index or in their user's set and are back in it, and
   * members of a user's set that stood for no session and were removed.
   */
  repaired: number;
}

/** How far a comparison has come. It is stored as JSON, so another process can continue it. */
export interface AuditState {
  /** Of this layout. A state of another one is not continued. */
  version: 2;
  position: AuditPosition;
  report: ReconcileReport;
  /** Declare all missing sessions lost, however many they are. */
  acceptsLosses: boolean;
  /** Where the missing sessions begin. */
  lossesAfter: RowPosition | null;
  /** How many sessions may be declared lost; null before they are counted. */
  limit: number | null;
  /** Buckets that could not be compared. */
  skipped: number[];
  /** False if anything could not be compared. */
  isComplete: boolean;
  /** Rows, members and keys that were looked at. */
  seen: number;
}

const START: RowPosition = { createdAt: '-infinity', id: '0' };

/** @param acceptsLosses declares the missing sessions lost as it finds them, without counting first */
export function newAuditState(acceptsLosses = false): AuditState {
  return {
    version: 2,
    position: { phase: acceptsLosses ? 'declare' : 'count', ...START },
    report: { checked: 0, missing: 0, held: false, resurrected: 0, recovered: 0, repaired: 0 },
    acceptsLosses,
    lossesAfter: null,
    limit: null,
    skipped: [],
    isComplete: true,
    seen: 0,
  };
}
