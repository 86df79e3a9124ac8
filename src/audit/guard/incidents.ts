import { createHash } from 'node:crypto';

import { Logger } from '@nestjs/common';
import type { QueryRunner } from 'typeorm';

import type { LedgerDatabase } from '../postgres/connection.js';
import type { LedgerTables } from '../postgres/schema.js';

/**
 * What went wrong, or was decided by an operator:
 *
 * - `bound`: the ledger was bound to a Redis for the first time
 * - `binding-refused`: a process with another Redis, prefix or number of buckets was refused
 * - `held`: Redis is empty or new; nothing is recorded until an operator runs `session-ledger adopt`
 * - `adopted`: an operator decided that this Redis continues the ledger
 * - `rollback`: Redis went back to an earlier state; the events `from` to `to` are lost in it
 * - `rollback-mended`: the sessions of those events are made good
 * - `session-returned`: a rollback brought an ended session back; it could be used from `usableFrom`
 *   to `usableUntil`
 * - `number-gap`: the events `from` to `to` never reached Postgres, or Postgres went back
 * - `gap-recovered`: the sessions of a gap that live in Redis are recorded
 * - `sessions-lost`: Redis had lost these open sessions; their ends are recorded as `lost`
 * - `losses-accepted`: an operator let sessions be declared lost beyond the limit
 * - `loss-limit`: too many sessions are missing in Redis to declare them lost
 * - `repaired`: live sessions were missing in an index of Redis or in SQL, or an index had members that
 *   stood for no session; `what` says which, and that it is put right
 * - `foreign-head`: the tables have a chain that no bucket has
 */
export type IncidentKind =
  | 'bound'
  | 'binding-refused'
  | 'held'
  | 'adopted'
  | 'rollback'
  | 'rollback-mended'
  | 'session-returned'
  | 'number-gap'
  | 'gap-recovered'
  | 'sessions-lost'
  | 'losses-accepted'
  | 'loss-limit'
  | 'repaired'
  | 'foreign-head';

/** An incident to record. */
export interface NewIncident {
  kind: IncidentKind;
  /** The bucket that it concerns. */
  chain?: number;
  /** The handle of the session that it concerns. */
  handle?: string;
  /** The number of the event that revealed it. */
  outboxNumber?: number;
  details: IncidentDetails;
}

/** Figures and times, by name. */
export type IncidentDetails = Record<string, string | number | boolean | null>;

/** A row of `session_incidents`. */
export interface Incident {
  seq: string;
  recordedAt: Date;
  kind: IncidentKind;
  chain: number | null;
  handle: string | null;
  outboxNumber: number | null;
  details: IncidentDetails;
}

const UNIT = '\x1f';
const NULL = '\x1e';
const PAGE = 100;
/** Lines in the log for incidents of one kind that are recorded together. */
const MAX_LINES = 10;

/** Records what went wrong, in a table that is append-only and can be verified. */
export class Incidents {
  private readonly logger = new Logger('SessionLedger');
  private readonly sql;

  constructor(
    private readonly database: LedgerDatabase,
    tables: LedgerTables,
  ) {
    this.sql = {
      lock: lockIncidents(tables),
      insert: insertIncidents(tables),
      advance: advanceIncidents(tables),
      list: listIncidents(tables),
      recent: findRecent(tables),
      last: lastOfKind(tables),
      isKnown: hasSameIncident(tables),
    };
  }

  /**
   * Records an incident in the caller's transaction. The row of `session_ledger` is locked until the
   * transaction ends, always after the row of a chain.
   */
  async record(runner: QueryRunner, incident: NewIncident): Promise<void> {
    await this.recordAll(runner, [incident]);
  }

  /** Like `record`, with one statement for all: the other chains wait for the lock. */
  async recordAll(runner: QueryRunner, incidents: NewIncident[]): Promise<void> {
    if (incidents.length === 0) return;
    const [head] = await runner.query(this.sql.lock);
    const now = Number(head.now);
    const rows = toRows(head, incidents, now);
    await runner.query(this.sql.insert, [
      now,
      rows.map(({ seq }) => String(seq)),
      rows.map(({ kind }) => kind),
      rows.map(({ chain }) => chain),
      rows.map(({ token }) => token),
      rows.map(({ outboxNumber }) => outboxNumber),
      rows.map(({ details }) => details),
      rows.map(({ hash }) => hash.toString('hex')),
    ]);
    const last = rows.at(-1)!;
    await runner.query(this.sql.advance, [String(last.seq), last.hash]);
    this.log(incidents);
  }

  /** A rollback can bring back thousands of sessions: a line for each kind, beyond a few. */
  private log(incidents: NewIncident[]): void {
    for (const kind of new Set(incidents.map((each) => each.kind))) {
      const group = incidents.filter((each) => each.kind === kind);
      if (group.length <= MAX_LINES) for (const each of group) this.logger.warn(describe(each));
      else this.logger.warn(`${group.length} incidents ${kind}: see session_incidents`);
    }
  }

  /** Records an incident in a transaction of its own. */
  async recordAlone(incident: NewIncident): Promise<void> {
    await this.database.transaction((runner) => this.record(runner, incident));
  }

  /** Whether the same was recorded within the last 24 hours, by this process or another. */
  async isRecent({ kind, details }: NewIncident): Promise<boolean> {
    const rows = await this.database.query(this.sql.recent, [kind, JSON.stringify(details)]);
    return rows.length > 0;
  }

  /** The newest incident of a kind, for one chain or for the ledger as a whole. */
  async last(kind: IncidentKind, chain: number | null = null): Promise<Incident | null> {
    const [row] = await this.database.query<RawIncident>(this.sql.last, [kind, chain]);
    return row ? toIncident(row) : null;
  }

  /** Whether an incident with the same details was recorded since the last one of `settling` kinds. */
  async isKnown({ kind, details }: NewIncident, settling: IncidentKind[]): Promise<boolean> {
    const parameters = [kind, JSON.stringify(details), settling];
    return (await this.database.query(this.sql.isKnown, parameters)).length > 0;
  }

  /** A page of the incidents, newest first; `before` is the `seq` of the last one seen. */
  async list(before = '9223372036854775807', limit = PAGE): Promise<Incident[]> {
    const rows = await this.database.query<RawIncident>(this.sql.list, [before, limit]);
    return rows.map(toIncident);
  }
}

/** One line for the log. */
function describe({ kind, chain, handle, details }: NewIncident): string {
  const concerned = [
    ...(chain === undefined ? [] : [`bucket ${chain}`]),
    ...(handle === undefined ? [] : [`session ${handle}`]),
    ...Object.entries(details).map(([name, value]) => `${name} ${String(value)}`),
  ];
  return `Incident ${kind}: ${concerned.join(', ')}`;
}

interface IncidentColumns {
  seq: bigint;
  kind: string;
  chain: number | null;
  token: string | null;
  outboxNumber: number | null;
  details: string;
}

function toRows(
  head: { incident_seq: string; incident_hash: Buffer },
  incidents: NewIncident[],
  now: number,
): (IncidentColumns & { hash: Buffer })[] {
  let [seq, hash] = [BigInt(head.incident_seq), head.incident_hash];
  return incidents.map((incident) => {
    seq += 1n;
    const row = {
      seq,
      kind: incident.kind,
      chain: incident.chain ?? null,
      token: incident.handle ?? null,
      outboxNumber: incident.outboxNumber ?? null,
      details: JSON.stringify(incident.details),
    };
    hash = incidentHash(hash, row, now);
    return { ...row, hash };
  });
}

/** `verifyIncidents` in `queries/verifier.ts` builds the same text in SQL. */
function incidentHash(previous: Buffer, row: IncidentColumns, recordedAt: number): Buffer {
  const text = [
    row.seq,
    row.kind,
    row.chain ?? NULL,
    row.token ?? NULL,
    row.outboxNumber ?? NULL,
    row.details,
    recordedAt,
  ].join(UNIT);
  return createHash('sha256').update(previous).update(text).digest();
}

type RawIncident = Omit<Incident, 'details' | 'outboxNumber'> & {
  details: string;
  outboxNumber: string | null;
};

function toIncident({ details, outboxNumber, ...row }: RawIncident): Incident {
  return {
    ...row,
    outboxNumber: outboxNumber === null ? null : Number(outboxNumber),
    details: JSON.parse(details) as IncidentDetails,
  };
}

/** Locks the head of the incidents' chain until the transaction ends. */
const lockIncidents = (t: LedgerTables): string => `
SELECT incident_seq, incident_hash,
       (extract(epoch FROM date_trunc('milliseconds', clock_timestamp())) * 1000)::bigint AS now
FROM ${t.ledger} FOR UPDATE`;

/**
 * $1 recorded at (ms), then an array each: $2 seq, $3 kind, $4 chain, $5 token, $6 outbox number,
 * $7 details, $8 hash (hex)
 */
const insertIncidents = (t: LedgerTables): string => `
INSERT INTO ${t.incidents} (seq, recorded_at, kind, chain, token, outbox_number, details, hash)
SELECT seq, timestamptz 'epoch' + $1::bigint * interval '1 ms', kind, chain, token, number, details,
       decode(hash, 'hex')
FROM unnest($2::bigint[], $3::text[], $4::smallint[], $5::text[], $6::bigint[], $7::text[],
            $8::text[]) AS i (seq, kind, chain, token, number, details, hash)`;

/** $1 seq, $2 hash */
const advanceIncidents = (t: LedgerTables): string => `
UPDATE ${t.ledger} SET incident_seq = $1, incident_hash = $2`;

/** $1 kind, $2 details */
const findRecent = (t: LedgerTables): string => `
SELECT 1 FROM ${t.incidents}
WHERE kind = $1 AND details = $2 AND recorded_at > now() - interval '24 hours' LIMIT 1`;

const COLUMNS = `seq, recorded_at AS "recordedAt", kind, chain, token AS handle,
       outbox_number AS "outboxNumber", details`;

/** $1 kind, $2 chain or NULL */
const lastOfKind = (t: LedgerTables): string => `
SELECT ${COLUMNS} FROM ${t.incidents} WHERE kind = $1 AND chain IS NOT DISTINCT FROM $2::smallint
ORDER BY seq DESC LIMIT 1`;

/** $1 kind, $2 details, $3 the kinds that settle such an incident */
const hasSameIncident = (t: LedgerTables): string => `
SELECT 1 FROM ${t.incidents}
WHERE kind = $1 AND details = $2
  AND seq > coalesce((SELECT max(seq) FROM ${t.incidents} WHERE kind = ANY ($3)), 0)
LIMIT 1`;

/** $1 the seq after the first, $2 limit */
const listIncidents = (t: LedgerTables): string => `
SELECT ${COLUMNS} FROM ${t.incidents} WHERE seq < $1 ORDER BY seq DESC LIMIT $2`;
