import { EntitySchema } from 'typeorm';

import type { UserIdType } from '../user-id.js';

/** A row of `session_events`: the ledger. Read it; triggers refuse any change. */
export class SessionEventRow {
  /** The bucket whose chain the row hangs on. */
  chain!: number;
  seq!: string;
  occurredAt!: Date;
  event!: 'created' | 'destroyed';
  token!: string;
  sessionCreatedAt!: Date;
  userId!: string | number | null;
  expiresAt!: Date;
  reason!: string | null;
  actor!: string | null;
  client!: Buffer | null;
  recordedAt!: Date;
  hash!: Buffer;
}

/** The entity over `session_events`. Its partitions, triggers and time index belong to the migrations. */
export const sessionEventEntity = (schema: string, userIdType: UserIdType) =>
  new EntitySchema<SessionEventRow>({
    name: 'SessionEventRow',
    target: SessionEventRow,
    tableName: 'session_events',
    schema,
    columns: {
      chain: { type: 'smallint', primary: true, primaryKeyConstraintName: 'session_events_pkey' },
      seq: { type: 'bigint', primary: true, primaryKeyConstraintName: 'session_events_pkey' },
      occurredAt: {
        name: 'occurred_at',
        type: 'timestamptz',
        precision: 3,
        primary: true,
        primaryKeyConstraintName: 'session_events_pkey',
      },
      event: { type: 'text' },
      token: { type: 'text' },
      sessionCreatedAt: { name: 'session_created_at', type: 'timestamptz', precision: 3 },
      userId: { name: 'user_id', type: userIdType, nullable: true },
      expiresAt: { name: 'expires_at', type: 'timestamptz', precision: 3 },
      reason: { type: 'text', nullable: true },
      actor: { type: 'text', nullable: true },
      client: { type: 'bytea', nullable: true },
      recordedAt: { name: 'recorded_at', type: 'timestamptz', precision: 3 },
      hash: { type: 'bytea' },
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
