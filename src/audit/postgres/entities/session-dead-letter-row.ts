import { EntitySchema } from 'typeorm';

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

/** The entity over `session_dead_letters`. */
export const sessionDeadLetterEntity = (schema: string) =>
  new EntitySchema<SessionDeadLetterRow>({
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
      createdAt: { name: 'created_at', type: 'timestamptz', precision: 3, default: () => 'now()' },
      redrivenAt: { name: 'redriven_at', type: 'timestamptz', precision: 3, nullable: true },
    },
    indices: [
      { name: 'session_dead_letters_entry_key', synchronize: false },
      { name: 'session_dead_letters_open_idx', synchronize: false },
    ],
  });
