import type { SessionStore } from '../store/session-store.js';
import { DeadLetters } from './drain/dead-letters.js';
import { Drain } from './drain/drain.js';
import { History } from './queries/history.js';
import type { LedgerDatabase } from './postgres/ledger-database.js';
import { LedgerWriter, type LedgerSettings } from './drain/ledger-writer.js';
import { Outbox } from './drain/outbox.js';
import { Reconciler } from './jobs/reconciler.js';
import type { SessionAuditParts } from './session-audit.js';
import { Sweeper } from './jobs/sweeper.js';
import { Verifier } from './queries/verifier.js';

/** What stands behind `SessionAudit`: all of the SQL side but its jobs. */
export function auditParts(
  store: SessionStore,
  database: LedgerDatabase,
  settings: LedgerSettings,
): SessionAuditParts {
  const { tables } = settings;
  const outbox = new Outbox(store.redis.client, (bucket) => store.keysOf(bucket));
  const writer = new LedgerWriter(settings);
  const deadLetters = new DeadLetters(database, tables, writer);
  return {
    database,
    tables,
    store,
    outbox,
    drain: new Drain(database, outbox, writer, deadLetters),
    deadLetters,
    history: new History(database, settings),
    verifier: new Verifier(database, tables),
    sweeper: new Sweeper(store),
    reconciler: new Reconciler(database, tables, store),
  };
}
