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

/** How long to wait for Postgres, and then for Redis (ms): a health check answers within a second. */
const LEDGER_TIMEOUT = 650;
const BACKLOG_TIMEOUT = 300;

/** Checks that Postgres has not answered yet. They are waited for again instead of being repeated. */
const pending = new WeakMap<LedgerSource, Promise<LedgerHealth>>();

/**
 * Reads the state of the ledger, within a second. Without Postgres it still reports the backlog, which
 * matters most then.
 *
 * @param hasDatabase false for a process that has no database and leaves the ledger to others
 * @throws an error if Redis is unavailable, or doesn't answer in time
 */
export async function readLedger(ledger: LedgerSource, hasDatabase: boolean): Promise<LedgerState> {
  if (!hasDatabase) return { ...(await readBacklog(ledger)), postgres: 'none' };
  try {
    return { ...(await within(LEDGER_TIMEOUT, readHealth(ledger))), postgres: 'up' };
  } catch {
    return { ...(await readBacklog(ledger)), postgres: 'down' };
  }
}

function readHealth(ledger: LedgerSource): Promise<LedgerHealth> {
  const running = pending.get(ledger);
  if (running) return running;
  const health = ledger.health().finally(() => pending.delete(ledger));
  pending.set(ledger, health);
  return health;
}

async function readBacklog(ledger: LedgerSource) {
  const { events: backlog, oldestAge } = sumBacklog(
    await within(BACKLOG_TIMEOUT, ledger.backlog()),
  );
  return { backlog, oldestAge };
}

async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`No answer within ${ms} ms`)), ms);
  });
  return Promise.race([work, timeout]).finally(() => clearTimeout(timer));
}
