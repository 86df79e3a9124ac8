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
      insert: insertIncident(tables),
      advance: advanceIncidents(tables),
      list: listIncidents(tables),
      find: findIncident(tables),
      last: lastOfKind(tables),
      isKnown: hasSameIncident(tables),
    };
  }

  /**
   * Records an incident in the caller's transaction. The row of `session_ledger` is locked until the
   * transaction ends, always after the row of a chain.
   */
  async record(runner: QueryRunner, incident: NewIncident): Promise<void> {
    const [head] = await runner.query(this.sql.lock);
    const seq = BigInt(head.incident_seq) + 1n;
    const now = Number(head.now);
    const row = {
      seq,
      kind: incident.kind,
      chain: incident.chain ?? null,
      token: incident.handle ?? null,
      outboxNumber: incident.outboxNumber ?? null,
      details: JSON.stringify(incident.details),
    };
    const hash = incidentHash(head.incident_hash, row, now);
    await runner.query(this.sql.insert, [
      String(seq),
      now,
      row.kind,
      row.chain,
      row.token,
      row.outboxNumber,
      row.details,
      hash,
    ]);
    await runner.query(this.sql.advance, [String(seq), hash]);
    this.logger.warn(describeIncident(incident));
  }

  /** Records an incident in a transaction of its own. */
  async recordAlone(incident: NewIncident): Promise<void> {
    await this.database.transaction((runner) => this.record(runner, incident));
  }

  /** Whether this event of this session has revealed an incident already. */
  async has(runner: QueryRunner, handle: string, outboxNumber: number): Promise<boolean> {
    const rows = await runner.query(this.sql.find, [handle, outboxNumber]);
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
export function describeIncident({ kind, chain, handle, details }: NewIncident): string {
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

/** $1 seq, $2 recorded at (ms), $3 kind, $4 chain, $5 token, $6 outbox number, $7 details, $8 hash */
const insertIncident = (t: LedgerTables): string => `
INSERT INTO ${t.incidents} (seq, recorded_at, kind, chain, token, outbox_number, details, hash)
VALUES ($1, timestamptz 'epoch' + $2::bigint * interval '1 ms', $3, $4, $5, $6, $7, $8)`;

/** $1 seq, $2 hash */
const advanceIncidents = (t: LedgerTables): string => `
UPDATE ${t.ledger} SET incident_seq = $1, incident_hash = $2`;

/** $1 token, $2 outbox number */
const findIncident = (t: LedgerTables): string => `
SELECT 1 FROM ${t.incidents} WHERE token = $1 AND outbox_number = $2 LIMIT 1`;

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
