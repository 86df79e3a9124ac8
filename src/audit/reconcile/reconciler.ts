import type { Buckets } from '../../store/buckets.js';
import type { KeyAudit } from '../../store/key-audit.js';
import type { SessionUpkeep } from '../../store/session-upkeep.js';
import type { Drain } from '../drain/drain.js';
import type { Incidents, NewIncident } from '../guard/incidents.js';
import type { LedgerBinding } from '../guard/ledger-binding.js';
import type { LedgerDatabase } from '../postgres/connection.js';
import type { LedgerTables } from '../postgres/schema.js';
import { AuditRun, type AuditRunOptions } from './audit-run.js';
import { newAuditState, type AuditState, type ReconcileReport } from './audit-state.js';
import { LiveSessions } from './live-sessions.js';
import { LostSessions } from './lost-sessions.js';
import type { LossLimit } from './loss-limit.js';
import type { Recovery } from './recovery.js';

export interface ReconcilerParts {
  buckets: Buckets;
  database: LedgerDatabase;
  tables: LedgerTables;
  upkeep: SessionUpkeep;
  drain: Drain;
  incidents: Incidents;
  binding: LedgerBinding;
  limit: LossLimit;
  recovery: Recovery;
  keys: KeyAudit;
}

/** How to run a comparison: see `AuditRunOptions`. */
export type RunOnceOptions = Omit<AuditRunOptions, 'save'> & {
  /** Declare all missing sessions lost, however many they are. */
  acceptLosses?: boolean;
};

/**
 * Makes SQL and Redis agree after Redis has lost data: it was restored from a backup, was flushed,
 * or failed over to a replica that was behind. And makes the indexes in Redis agree with its records.
 *
 * It works page by page, in constant memory. What it finds is judged again in the script that changes
 * it, so sessions may start, end, rotate and be used at any time meanwhile.
 */
export class Reconciler {
  private readonly lost: LostSessions;
  private readonly live: LiveSessions;

  constructor(private readonly parts: ReconcilerParts) {
    this.lost = new LostSessions(parts);
    this.live = new LiveSessions(parts);
  }

  /** A whole comparison, from the start. It throws at the end if a bucket could not be compared. */
  async runOnce({ acceptLosses, ...options }: RunOnceOptions = {}): Promise<ReconcileReport> {
    const { state, errors } = await this.continue(newAuditState(acceptLosses), {
      ...options,
      save: (_, incidents) => this.record(incidents),
    });
    if (errors.length > 0) throw errors[0];
    if (state.isComplete) await this.noteCompletion();
    return state.report;
  }

  /** How many sessions the expiry indexes have. */
  async countLive(): Promise<number> {
    const { buckets } = this.parts;
    const { client, redis } = buckets;
    const counts = buckets
      .numbers()
      .map((bucket) => redis.bounded(client.zcard(buckets.keysOf(bucket).expiryIndex)));
    return (await Promise.all(counts)).reduce((sum, count) => sum + Number(count), 0);
  }

  /** Only declares lost what is open in SQL and missing in Redis. */
  async endLost(): Promise<ReconcileReport> {
    const run = this.start(newAuditState(), { save: (_, incidents) => this.record(incidents) });
    while (['count', 'declare'].includes(run.state.position.phase)) await this.doPage(run);
    if (run.errors.length > 0) throw run.errors[0];
    return run.state.report;
  }

  /** Continues a comparison to its end. */
  async continue(state: AuditState, options: AuditRunOptions): Promise<AuditRun> {
    const run = this.start(state, options);
    while (run.state.position.phase !== 'done') await this.doPage(run);
    return run;
  }

  private start(state: AuditState, options: AuditRunOptions): AuditRun {
    return new AuditRun(state, this.parts.buckets, options);
  }

  private doPage(run: AuditRun): Promise<void> {
    return run.page(async () => {
      await run.attempt(() => this.parts.binding.requireBound());
      return this.step(run);
    });
  }

  private async step(run: AuditRun): Promise<NewIncident[]> {
    const { position } = run.state;
    switch (position.phase) {
      case 'count':
        return this.lost.count(run, position);
      case 'declare':
        return this.lost.declare(run, position);
      case 'index':
        return this.live.checkIndex(run, position);
      case 'keys':
        return this.live.checkKeys(run, position);
      case 'done':
        return [];
    }
  }

  private async record(incidents: NewIncident[]): Promise<void> {
    for (const incident of incidents) await this.parts.incidents.recordAlone(incident);
  }

  private async noteCompletion(): Promise<void> {
    const { database, tables } = this.parts;
    await database.query(`UPDATE ${tables.ledger} SET audited_at = clock_timestamp()`);
  }
}
