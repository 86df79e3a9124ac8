import type { Incidents, NewIncident } from '../guard/incidents.js';
import type { LedgerDatabase } from '../postgres/connection.js';
import type { LedgerTables } from '../postgres/schema.js';

/**
 * The largest share of the open sessions that is declared lost without an operator's confirmation.
 * If more are missing, Redis has probably lost more than a failover loses.
 */
const MAX_LOSS_SHARE = 0.05;
/** This many may always be declared lost: if few are open, a failover can lose a large share. */
const ALWAYS_ALLOWED = 20;

/** How many sessions may be declared lost at once without an operator's word. */
export class LossLimit {
  constructor(
    private readonly database: LedgerDatabase,
    private readonly tables: LedgerTables,
    private readonly incidents: Incidents,
  ) {}

  /** How many of these open sessions may still be declared lost. */
  async remaining(open: number): Promise<number> {
    const limit = Math.max(ALWAYS_ALLOWED, Math.floor(open * MAX_LOSS_SHARE));
    return Math.max(0, limit - (await this.recentlyLost()));
  }

  /**
   * Counts the open sessions only as far as it has to, so that it costs what was lost and not what
   * lives.
   */
  async isExceeded(lost: number): Promise<boolean> {
    if (lost === 0) return false;
    const all = lost + (await this.recentlyLost());
    if (all <= ALWAYS_ALLOWED) return false;
    const enough = Math.ceil(all / MAX_LOSS_SHARE);
    const [row] = await this.database.query<{ open: string }>(
      `SELECT count(*) AS open
       FROM (SELECT FROM ${this.tables.sessions} WHERE ended_at IS NULL LIMIT $1) found`,
      [enough],
    );
    return Number(row!.open) < enough;
  }

  /**
   * The incident to record if too many sessions are missing; null if it is recorded already, and
   * nothing was done about it since: the same figure comes up each minute, or each night.
   */
  async newIncident(missing: number): Promise<NewIncident | null> {
    const incident: NewIncident = { kind: 'loss-limit', details: { missing } };
    const settled = ['sessions-lost', 'rollback-mended', 'losses-accepted', 'adopted'] as const;
    return (await this.incidents.isKnown(incident, [...settled])) ? null : incident;
  }

  /**
   * Sessions that were declared lost within a day, since an operator last confirmed it: otherwise
   * buckets that are lost one after the other would have a limit each.
   */
  private async recentlyLost(): Promise<number> {
    const { incidents } = this.tables;
    const [row] = await this.database.query<{ lost: string }>(`
SELECT coalesce(sum(coalesce(details::json ->> 'lost', details::json ->> 'missing')::bigint), 0) AS lost
FROM ${incidents}
WHERE kind IN ('rollback-mended', 'sessions-lost') AND recorded_at > now() - interval '24 hours'
  AND seq > (SELECT coalesce(max(seq), 0) FROM ${incidents}
             WHERE kind IN ('adopted', 'losses-accepted'))`);
    return Number(row!.lost);
  }
}
