import type { Buckets } from '../store/buckets.js';
import { KeyAudit } from '../store/key-audit.js';
import { SessionUpkeep } from '../store/session-upkeep.js';
import { DeadLetters } from './drain/dead-letters.js';
import { Drain } from './drain/drain.js';
import { LedgerWriter } from './drain/ledger-writer.js';
import { Outbox } from './drain/outbox.js';
import { SecondEnds } from './drain/second-ends.js';
import { Incidents } from './guard/incidents.js';
import { LedgerBinding } from './guard/ledger-binding.js';
import { Mender } from './jobs/mender.js';
import type { LedgerDatabase } from './postgres/connection.js';
import type { Partitions } from './postgres/partitions.js';
import type { LedgerSettings, LedgerTables } from './postgres/schema.js';
import { History } from './queries/history.js';
import { Verifier } from './queries/verifier.js';
import { LossLimit } from './reconcile/loss-limit.js';
import { NightlyAudit } from './reconcile/nightly-audit.js';
import { Reconciler } from './reconcile/reconciler.js';
import { Recovery } from './reconcile/recovery.js';

/**
 * What `SessionAudit` works with. No jobs are among it, so the command line starts without BullMQ.
 */
export interface SessionAuditParts {
  buckets: Buckets;
  database: LedgerDatabase;
  tables: LedgerTables;
  upkeep: SessionUpkeep;
  outbox: Outbox;
  deadLetters: DeadLetters;
  drain: Drain;
  history: History;
  verifier: Verifier;
  reconciler: Reconciler;
  nightlyAudit: NightlyAudit;
  incidents: Incidents;
  binding: LedgerBinding;
  mender: Mender;
  partitions: Partitions;
}

export function auditParts(
  buckets: Buckets,
  database: LedgerDatabase,
  settings: LedgerSettings,
): SessionAuditParts {
  const { tables } = settings;
  const upkeep = new SessionUpkeep(buckets);
  const outbox = new Outbox(buckets);
  const writer = new LedgerWriter(settings);
  const deadLetters = new DeadLetters(database, tables, writer);
  const incidents = new Incidents(database, tables);
  const binding = new LedgerBinding(buckets, database, tables, incidents);
  const secondEnds = new SecondEnds(incidents, tables);
  const drain = new Drain(database, outbox, writer, deadLetters, incidents, binding, secondEnds);
  const limit = new LossLimit(database, tables, incidents);
  const keys = new KeyAudit(buckets);
  const stores = { buckets, database, tables, upkeep, outbox, keys, drain, incidents, binding };
  const recovery = new Recovery({ ...stores, writer });
  const shared = { ...stores, limit, recovery };
  const reconciler = new Reconciler(shared);
  return {
    ...shared,
    partitions: writer.partitions,
    deadLetters,
    history: new History(database, settings),
    verifier: new Verifier(database, tables),
    reconciler,
    nightlyAudit: new NightlyAudit(database, tables, incidents, reconciler),
    mender: new Mender({ ...shared, writer, reconciler }),
  };
}
