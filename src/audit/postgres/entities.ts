import { EntitySchema } from 'typeorm';

import type { UserIdOptions, UserIdType } from './user-id.js';

/** A row of `sessions`: one session, its state and its history. */
export class SessionRow {
  id!: string;
  /** Null once the user was deleted, if `sessions` refers to the users table. */
  userId!: string | number | null;
  /** The session's handle. */
  token!: string;
  expiresAt!: Date;
  createdAt!: Date;
  endedAt!: Date | null;
  endReason!: string | null;
  endedBy!: string | null;
  ip!: string | null;
  userAgent!: string | null;
  clientSalt!: Buffer | null;
  beginRecorded!: boolean;
}

/** A row of `session_events`: the ledger. It is read-only: triggers reject every change. */
export class SessionEventRow {
  /** The bucket, which is also the number of the row's hash chain. */
  chain!: number;
  seq!: string;
  occurredAt!: Date;
  event!: 'created' | 'destroyed';
  /** The session's handle. */
  token!: string;
  sessionCreatedAt!: Date;
  userId!: string | number | null;
  expiresAt!: Date;
  reason!: string | null;
  actor!: string | null;
  client!: Buffer | null;
  recordedAt!: Date;
  hash!: Buffer;
  /** The event's number in its bucket's outbox; null if it was not recorded from there. */
  outboxNumber!: string | null;
}

/** A row of `session_chains`: the head of a bucket's chain. */
export class SessionChainRow {
  chain!: number;
  lastSeq!: string;
  lastHash!: Buffer;
  updatedAt!: Date | null;
  /** The longest lifetime of any session in the chain (ms). */
  longestSession!: string;
  /** The last row that was retired; the chain now continues from it. See docs/sql.md. */
  retiredSeq!: string;
  retiredHash!: Buffer;
  /** The last outbox number that was committed. */
  outboxNumber!: string;
  /** The first number that Redis may have lost and that is not made good yet. */
  mendFrom!: string | null;
  /** How often Redis was found to have gone back. */
  mendVersion!: string;
  /** The first number that Postgres may have lost and that is not made good yet. */
  recoverFrom!: string | null;
}

/** The row of `session_ledger`: the ledger's ID and the Redis that it belongs to. */
export class SessionLedgerRow {
  onlyRow!: boolean;
  id!: string;
  createdAt!: Date;
  prefix!: string | null;
  buckets!: number | null;
  layout!: string | null;
  /** A random ID of that Redis's keys. */
  keyspace!: string | null;
  boundAt!: Date | null;
  /** The last row of `session_incidents`. */
  incidentSeq!: string;
  incidentHash!: Buffer;
  /** Where the running audit continues; null if none is running. */
  auditPosition!: string | null;
  /** When an audit last reached its end. */
  auditedAt!: Date | null;
}

/** A row of `session_incidents`: something that went wrong. Append-only. */
export class SessionIncidentRow {
  seq!: string;
  recordedAt!: Date;
  kind!: string;
  chain!: number | null;
  /** The session's handle. */
  token!: string | null;
  outboxNumber!: string | null;
  /** JSON. Text, because its exact characters are a part of the hash. */
  details!: string;
  hash!: Buffer;
}

/** A row of `session_dead_letters`: an outbox entry that could not be recorded. */
export class SessionDeadLetterRow {
  id!: string;
  chain!: number;
  streamId!: string;
  raw!: Buffer;
  sqlstate!: string | null;
  reason!: string;
  createdAt!: Date;
  redrivenAt!: Date | null;
}

const USER_ENTITY = 'LedgerUserRow';

/**
 * The entities of the audit tables. They match the tables, so that `migration:generate` finds no
 * differences. Only the migrations define partitions, triggers and most indexes: the entities mark
 * those indexes with `synchronize: false`.
 */
export function ledgerEntities(schema: string, { type = 'text', references }: UserIdOptions) {
  return [
    sessionEntity(schema, type, references !== undefined),
    sessionEventEntity(schema, type),
    sessionChainEntity(schema),
    sessionDeadLetterEntity(schema),
    sessionLedgerEntity(schema),
    sessionIncidentEntity(schema),
    ...(references ? [userEntity(references, type)] : []),
  ];
}

const timestamp = { type: 'timestamptz', precision: 3 } as const;

function sessionEntity(schema: string, userIdType: UserIdType, refersToUsers: boolean) {
  const primary = { primary: true, primaryKeyConstraintName: 'sessions_pkey' };
  const userForeignKey = {
    name: 'sessions_user_id_fkey',
    target: USER_ENTITY,
    columnNames: ['userId'],
    referencedColumnNames: ['id'],
    onDelete: 'SET NULL' as const,
  };
  return new EntitySchema<SessionRow>({
    name: 'SessionRow',
    target: SessionRow,
    tableName: 'sessions',
    schema,
    columns: {
      createdAt: { name: 'created_at', ...timestamp, ...primary },
      id: { type: 'bigint', generated: 'increment', ...primary },
      userId: { name: 'user_id', type: userIdType, nullable: true },
      token: { type: 'text' },
      expiresAt: { name: 'expires_at', ...timestamp },
      endedAt: { name: 'ended_at', ...timestamp, nullable: true },
      endReason: { name: 'end_reason', type: 'text', nullable: true },
      endedBy: { name: 'ended_by', type: 'text', nullable: true },
      ip: { type: 'text', nullable: true },
      userAgent: { name: 'user_agent', type: 'text', nullable: true },
      clientSalt: { name: 'client_salt', type: 'bytea', nullable: true },
      beginRecorded: { name: 'begin_recorded', type: 'boolean', default: true },
    },
    uniques: [{ name: 'sessions_token_key', columns: ['token', 'createdAt'] }],
    indices: [
      { name: 'sessions_user_idx', synchronize: false },
      { name: 'sessions_open_idx', synchronize: false },
    ],
    foreignKeys: refersToUsers ? [userForeignKey] : [],
  });
}

function sessionEventEntity(schema: string, userIdType: UserIdType) {
  const primary = { primary: true, primaryKeyConstraintName: 'session_events_pkey' };
  return new EntitySchema<SessionEventRow>({
    name: 'SessionEventRow',
    target: SessionEventRow,
    tableName: 'session_events',
    schema,
    columns: {
      chain: { type: 'smallint', ...primary },
      seq: { type: 'bigint', ...primary },
      occurredAt: { name: 'occurred_at', ...timestamp, ...primary },
      event: { type: 'text' },
      token: { type: 'text' },
      sessionCreatedAt: { name: 'session_created_at', ...timestamp },
      userId: { name: 'user_id', type: userIdType, nullable: true },
      expiresAt: { name: 'expires_at', ...timestamp },
      reason: { type: 'text', nullable: true },
      actor: { type: 'text', nullable: true },
      client: { type: 'bytea', nullable: true },
      recordedAt: { name: 'recorded_at', ...timestamp },
      hash: { type: 'bytea' },
      outboxNumber: { name: 'outbox_number', type: 'bigint', nullable: true },
    },
    checks: [
      {
        name: 'session_events_event_check',
        expression: `event = ANY (ARRAY['created'::text, 'destroyed'::text])`,
      },
      { name: 'session_events_hash_check', expression: 'octet_length(hash) = 32' },
    ],
    indices: [{ name: 'session_events_time_idx', synchronize: false }],
  });
}

/** The hash before the first row of a chain. */
const emptyHash = () => `sha256('\\x')`;

function sessionChainEntity(schema: string) {
  return new EntitySchema<SessionChainRow>({
    name: 'SessionChainRow',
    target: SessionChainRow,
    tableName: 'session_chains',
    schema,
    columns: {
      chain: { type: 'smallint', primary: true, primaryKeyConstraintName: 'session_chains_pkey' },
      lastSeq: { name: 'last_seq', type: 'bigint', default: 0 },
      lastHash: { name: 'last_hash', type: 'bytea', default: emptyHash },
      updatedAt: { name: 'updated_at', ...timestamp, nullable: true },
      longestSession: { name: 'longest_session', type: 'bigint', default: 0 },
      retiredSeq: { name: 'retired_seq', type: 'bigint', default: 0 },
      retiredHash: { name: 'retired_hash', type: 'bytea', default: emptyHash },
      outboxNumber: { name: 'outbox_number', type: 'bigint', default: 0 },
      mendFrom: { name: 'mend_from', type: 'bigint', nullable: true },
      mendVersion: { name: 'mend_version', type: 'bigint', default: 0 },
      recoverFrom: { name: 'recover_from', type: 'bigint', nullable: true },
    },
  });
}

function sessionLedgerEntity(schema: string) {
  return new EntitySchema<SessionLedgerRow>({
    name: 'SessionLedgerRow',
    target: SessionLedgerRow,
    tableName: 'session_ledger',
    schema,
    columns: {
      onlyRow: {
        name: 'only_row',
        type: 'boolean',
        default: true,
        primary: true,
        primaryKeyConstraintName: 'session_ledger_pkey',
      },
      id: { type: 'uuid' },
      createdAt: { name: 'created_at', ...timestamp, default: () => 'now()' },
      prefix: { type: 'text', nullable: true },
      buckets: { type: 'smallint', nullable: true },
      layout: { type: 'text', nullable: true },
      keyspace: { type: 'text', nullable: true },
      boundAt: { name: 'bound_at', ...timestamp, nullable: true },
      incidentSeq: { name: 'incident_seq', type: 'bigint', default: 0 },
      incidentHash: { name: 'incident_hash', type: 'bytea', default: emptyHash },
      auditPosition: { name: 'audit_position', type: 'text', nullable: true },
      auditedAt: { name: 'audited_at', ...timestamp, nullable: true },
    },
    checks: [{ name: 'session_ledger_only_row_check', expression: 'only_row' }],
  });
}

function sessionIncidentEntity(schema: string) {
  return new EntitySchema<SessionIncidentRow>({
    name: 'SessionIncidentRow',
    target: SessionIncidentRow,
    tableName: 'session_incidents',
    schema,
    columns: {
      seq: {
        type: 'bigint',
        primary: true,
        primaryKeyConstraintName: 'session_incidents_pkey',
      },
      recordedAt: { name: 'recorded_at', ...timestamp },
      kind: { type: 'text' },
      chain: { type: 'smallint', nullable: true },
      token: { type: 'text', nullable: true },
      outboxNumber: { name: 'outbox_number', type: 'bigint', nullable: true },
      details: { type: 'text' },
      hash: { type: 'bytea' },
    },
    checks: [{ name: 'session_incidents_hash_check', expression: 'octet_length(hash) = 32' }],
    indices: [
      { name: 'session_incidents_token_idx', synchronize: false },
      { name: 'session_incidents_kind_idx', synchronize: false },
    ],
  });
}

function sessionDeadLetterEntity(schema: string) {
  return new EntitySchema<SessionDeadLetterRow>({
    name: 'SessionDeadLetterRow',
    target: SessionDeadLetterRow,
    tableName: 'session_dead_letters',
    schema,
    columns: {
      id: {
        type: 'bigint',
        primary: true,
        generated: 'increment',
        primaryKeyConstraintName: 'session_dead_letters_pkey',
      },
      chain: { type: 'smallint' },
      streamId: { name: 'stream_id', type: 'text' },
      raw: { type: 'bytea' },
      sqlstate: { type: 'text', nullable: true },
      reason: { type: 'text' },
      createdAt: { name: 'created_at', ...timestamp, default: () => 'now()' },
      redrivenAt: { name: 'redriven_at', ...timestamp, nullable: true },
    },
    indices: [
      { name: 'session_dead_letters_entry_key', synchronize: false },
      { name: 'session_dead_letters_open_idx', synchronize: false },
    ],
  });
}

/** The application's users table, so that `migration:generate` knows the foreign key to it. */
function userEntity(
  { table, column = 'id' }: { table: string; column?: string },
  type: UserIdType,
) {
  const [name, schema = 'public'] = table.split('.').toReversed();
  return new EntitySchema<{ id: string | number }>({
    name: USER_ENTITY,
    tableName: name,
    schema,
    synchronize: false,
    columns: { id: { name: column, type, primary: true } },
  });
}
