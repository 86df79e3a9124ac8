import { sumBacklog, type BucketBacklog, type LedgerHealth } from '../audit/session-audit.js';

/** Where the ledger's state comes from: a `SessionAudit`. */
export interface LedgerSource {
  /** Asks Redis only. */
  backlog(): Promise<BucketBacklog[]>;
  /** Asks Redis and Postgres. */
  health(): Promise<LedgerHealth>;
}

/** The ledger's state. Figures that only Postgres knows are missing while it is unavailable. */
export type LedgerState = Pick<LedgerHealth, 'backlog' | 'oldestAge'> &
  Partial<LedgerHealth> & { postgres: 'up' | 'down' | 'none' };

/**
 * Reads the state of the ledger. Without Postgres it still reports the backlog, which matters most
 * then.
 *
 * @param hasDatabase false for a process that has no database and leaves the ledger to others
 * @throws SessionError if Redis is unavailable
 */
export async function readLedger(ledger: LedgerSource, hasDatabase: boolean): Promise<LedgerState> {
  if (!hasDatabase) return { ...(await readBacklog(ledger)), postgres: 'none' };
  try {
    return { ...(await ledger.health()), postgres: 'up' };
  } catch {
    return { ...(await readBacklog(ledger)), postgres: 'down' };
  }
}

async function readBacklog(ledger: LedgerSource) {
  const { events: backlog, oldestAge } = sumBacklog(await ledger.backlog());
  return { backlog, oldestAge };
}
