import { EntitySchema } from 'typeorm';

import type { UserIdType } from '../user-id.js';
import { USER_ENTITY } from './user-row.js';

/** A row of `sessions`: one session, its state and its history. */
export class SessionRow {
  id!: string;
  /** Null once the user was deleted, where the trail refers to the users table. */
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

const userForeignKey = () => ({
  name: 'sessions_user_id_fkey',
  target: USER_ENTITY,
  columnNames: ['userId'],
  referencedColumnNames: ['id'],
  onDelete: 'SET NULL' as const,
});

/** The entity over `sessions`. Its indexes and partitions belong to the migrations. */
export const sessionEntity = (schema: string, userIdType: UserIdType, refersToUsers: boolean) =>
  new EntitySchema<SessionRow>({
    name: 'SessionRow',
    target: SessionRow,
    tableName: 'sessions',
    schema,
    columns: {
      createdAt: {
        name: 'created_at',
        type: 'timestamptz',
        precision: 3,
        primary: true,
        primaryKeyConstraintName: 'sessions_pkey',
      },
      id: {
        type: 'bigint',
        primary: true,
        generated: 'increment',
        primaryKeyConstraintName: 'sessions_pkey',
      },
      userId: { name: 'user_id', type: userIdType, nullable: true },
      token: { type: 'text' },
      expiresAt: { name: 'expires_at', type: 'timestamptz', precision: 3 },
      endedAt: { name: 'ended_at', type: 'timestamptz', precision: 3, nullable: true },
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
    foreignKeys: refersToUsers ? [userForeignKey()] : [],
  });
