import { randomUUID } from 'node:crypto';

import type { QueryRunner } from 'typeorm';

import type { Incidents, NewIncident } from '../guard/incidents.js';
import type { LedgerDatabase } from '../postgres/connection.js';
import type { LedgerTables } from '../postgres/schema.js';
import type { AuditRun, AuditRunOptions } from './audit-run.js';
import { newAuditState, type AuditState } from './audit-state.js';
import type { Reconciler } from './reconciler.js';

/** How long an audit belongs to a process that doesn't renew its claim (ms). */
const LEASE = 20_000;
const RENEW_INTERVAL = 5_000; // ms

/** Another process has taken the audit over: this one was silent for too long. */
class LeaseLost extends Error {
  override readonly name = 'LeaseLost';
}

export type ContinueOptions = Omit<AuditRunOptions, 'save'>;

/**
 * The comparison that runs at night. Its state is in `session_ledger`, so it goes on after a restart,
 * a deployment or a failover, in whichever process claims it first. A process that dies loses its
 * claim after 20 s.
 */
export class NightlyAudit {
  private readonly sql;

  constructor(
    private readonly database: LedgerDatabase,
    tables: LedgerTables,
    private readonly incidents: Incidents,
    private readonly reconciler: Reconciler,
  ) {
    this.sql = {
      begin: beginAudit(tables),
      replace: replaceAudit(tables),
      isAccepting: isAccepting(tables),
      endAccepting: endAccepting(tables),
      claim: claimAudit(tables),
      save: saveAudit(tables),
      renew: renewAudit(tables),
      release: releaseAudit(tables),
      finish: finishAudit(tables),
    };
  }

  /** Begins an audit, unless one is under way. */
  async begin(): Promise<void> {
    await this.database.query(this.sql.begin, [JSON.stringify(newAuditState())]);
  }

  /**
   * Begins an audit that accepts all losses, in the transaction of an adoption: if the process dies
   * after it, a worker does what was left. It replaces the audit that is under way.
   */
  async beginAccepting(runner: QueryRunner): Promise<void> {
    await runner.query(this.sql.replace, [JSON.stringify(newAuditState(true)), LEASE]);
  }

  /** Whether an adoption's audit is still to be done. */
  async isAccepting(): Promise<boolean> {
    return (await this.database.query(this.sql.isAccepting)).length > 0;
  }

  /** Notes that everything was compared, and all losses accepted. */
  async endAccepting(): Promise<void> {
    await this.database.query(this.sql.endAccepting);
  }

  /**
   * Continues the audit that is under way to its end. Resolves to null if there is none, or if
   * another process is at it, or takes it over.
   */
  async continue(options: ContinueOptions = {}): Promise<AuditRun | null> {
    const owner = randomUUID();
    const state = await this.claim(owner);
    if (!state) return null;
    const renewal = setInterval(() => void this.renew(owner), RENEW_INTERVAL);
    try {
      const save: AuditRunOptions['save'] = (...page) => this.save(owner, ...page);
      const run = await this.reconciler.continue(state, { paced: true, ...options, save });
      await this.finish(owner, run.state);
      return run;
    } catch (error) {
      if (error instanceof LeaseLost) return null;
      await this.database.query(this.sql.release, [owner]).catch(() => undefined);
      throw error;
    } finally {
      clearInterval(renewal);
    }
  }

  /** Makes the audit this process's if it is nobody's. A state of another layout starts again. */
  private async claim(owner: string): Promise<AuditState | null> {
    const claimed = await this.database.query(this.sql.claim, [owner, LEASE]);
    const [row] = rowsOf<{ state: string }>(claimed);
    if (!row) return null;
    const fresh = newAuditState();
    const state = JSON.parse(row.state) as AuditState;
    return state.version === fresh.version ? state : fresh;
  }

  /** Throws LeaseLost if the audit is another process's by now. */
  private async save(owner: string, state: AuditState, incidents: NewIncident[]): Promise<void> {
    const isMine = await this.database.transaction(async (runner) => {
      const saved = await runner.query(this.sql.save, [owner, LEASE, JSON.stringify(state)]);
      if (rowsOf(saved).length === 0) return false;
      for (const incident of incidents) await this.incidents.record(runner, incident);
      return true;
    });
    if (!isMine) throw new LeaseLost();
  }

  /** What an adoption has left undone, because a bucket failed, is done again from the start. */
  private async finish(owner: string, { isComplete, acceptsLosses }: AuditState): Promise<void> {
    const next = acceptsLosses && !isComplete ? JSON.stringify(newAuditState(true)) : null;
    await this.database.query(this.sql.finish, [owner, isComplete, next]);
  }

  private async renew(owner: string): Promise<void> {
    await this.database.query(this.sql.renew, [owner, LEASE]).catch(() => undefined);
  }
}

/** TypeORM returns the rows of an UPDATE together with their number. */
function rowsOf<T>(result: unknown): T[] {
  return (result as [T[], number])[0];
}

/** Until when a claim is valid that is made or renewed now (ms since 1970). */
const leaseUntil = (lease: string): string =>
  `(extract(epoch FROM clock_timestamp()) * 1000)::bigint + ${lease}::bigint`;

/** $1 state */
const beginAudit = (t: LedgerTables): string => `
UPDATE ${t.ledger} SET audit_position = $1 WHERE audit_position IS NULL`;

/** For a while nobody's, so that the process that adopts can do it. $1 state, $2 for how long (ms) */
const replaceAudit = (t: LedgerTables): string => `
UPDATE ${t.ledger}
SET audit_position = ($1::jsonb || jsonb_build_object('leaseUntil', ${leaseUntil('$2')}))::text`;

const ACCEPTS_LOSSES = `audit_position::jsonb ->> 'acceptsLosses' = 'true'`;

const isAccepting = (t: LedgerTables): string => `
SELECT FROM ${t.ledger} WHERE ${ACCEPTS_LOSSES}`;

const endAccepting = (t: LedgerTables): string => `
UPDATE ${t.ledger} SET audit_position = NULL, audited_at = clock_timestamp()
WHERE ${ACCEPTS_LOSSES}`;

/** $1 owner, $2 lease (ms) */
const claimAudit = (t: LedgerTables): string => `
UPDATE ${t.ledger}
SET audit_position = (audit_position::jsonb
      || jsonb_build_object('owner', $1::text, 'leaseUntil', ${leaseUntil('$2')}))::text
WHERE audit_position IS NOT NULL
  AND coalesce((audit_position::jsonb ->> 'leaseUntil')::bigint, 0) < ${leaseUntil('0')}
RETURNING audit_position AS state`;

const isMine = `audit_position::jsonb ->> 'owner' = $1`;

/** $1 owner, $2 lease (ms), $3 state */
const saveAudit = (t: LedgerTables): string => `
UPDATE ${t.ledger}
SET audit_position = ($3::jsonb
      || jsonb_build_object('owner', $1::text, 'leaseUntil', ${leaseUntil('$2')}))::text
WHERE ${isMine} RETURNING only_row`;

/** $1 owner, $2 lease (ms) */
const renewAudit = (t: LedgerTables): string => `
UPDATE ${t.ledger}
SET audit_position = (audit_position::jsonb
      || jsonb_build_object('leaseUntil', ${leaseUntil('$2')}))::text
WHERE ${isMine}`;

/** $1 owner */
const releaseAudit = (t: LedgerTables): string => `
UPDATE ${t.ledger}
SET audit_position = (audit_position::jsonb || '{"leaseUntil": 0}')::text
WHERE ${isMine}`;

/** $1 owner, $2 whether everything was compared, $3 the state of the next audit, or null */
const finishAudit = (t: LedgerTables): string => `
UPDATE ${t.ledger}
SET audit_position = $3,
    audited_at = CASE WHEN $2 THEN clock_timestamp() ELSE audited_at END
WHERE ${isMine}`;
