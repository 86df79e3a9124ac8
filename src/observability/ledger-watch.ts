import type { BucketBacklog, LedgerHealth } from '../audit/session-audit.js';

/** What is watched of the ledger. `SessionAudit` fits. */
export interface LedgerSource {
  /** Asks Redis alone. */
  backlog(): Promise<BucketBacklog[]>;
  /** Asks Postgres too. */
  health(): Promise<LedgerHealth>;
}

/** The ledger's state as far as it can be told; what only Postgres knows is missing while it is away. */
export type LedgerState = Pick<LedgerHealth, 'backlog' | 'oldestAge'> &
  Partial<LedgerHealth> & { postgres: 'up' | 'down' | 'none' };

/**
 * Looks at the ledger. The backlog matters most while Postgres is away, so it is told then, too.
 *
 * @param hasDatabase false for a process without one, which leaves the ledger to others
 * @throws SessionError where Redis is away
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
  const buckets = await ledger.backlog();
  return {
    backlog: buckets.reduce((sum, { events }) => sum + events, 0),
    oldestAge: Math.max(0, ...buckets.map(({ oldestAge }) => oldestAge ?? 0)),
  };
}
