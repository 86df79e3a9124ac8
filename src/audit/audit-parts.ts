import type { Buckets } from '../store/buckets.js';
import { DeadLetters } from './drain/dead-letters.js';
import { Drain } from './drain/drain.js';
import { History } from './queries/history.js';
import type { LedgerDatabase } from './postgres/ledger-database.js';
import { LedgerWriter, type LedgerSettings } from './drain/ledger-writer.js';
import { Outbox } from './drain/outbox.js';
import { Reconciler } from './jobs/reconciler.js';
import type { SessionAuditParts } from './session-audit.js';
import { SessionUpkeep } from '../store/session-upkeep.js';
import { Verifier } from './queries/verifier.js';

/** What stands behind `SessionAudit`: all of the SQL side but its jobs. */
export function auditParts(
  buckets: Buckets,
  database: LedgerDatabase,
  settings: LedgerSettings,
): SessionAuditParts {
  const { tables } = settings;
  const upkeep = new SessionUpkeep(buckets);
  const outbox = new Outbox(buckets.client, (bucket) => buckets.keysOf(bucket));
  const writer = new LedgerWriter(settings);
  const deadLetters = new DeadLetters(database, tables, writer);
  return {
    database,
    tables,
    buckets,
    outbox,
    drain: new Drain(database, outbox, writer, deadLetters),
    deadLetters,
    history: new History(database, settings),
    verifier: new Verifier(database, tables),
    upkeep,
    reconciler: new Reconciler(database, tables, buckets, upkeep),
  };
}
