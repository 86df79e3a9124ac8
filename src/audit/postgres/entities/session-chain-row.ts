import { EntitySchema } from 'typeorm';

/** A row of `session_chains`: where a bucket's chain ends. */
export class SessionChainRow {
  chain!: number;
  lastSeq!: string;
  lastHash!: Buffer;
  updatedAt!: Date | null;
  /** The longest time from a session's beginning to its end, ms. */
  longestSession!: string;
  /** The last row that was retired, where the chain's beginning was: see docs/sql.md. */
  retiredSeq!: string;
  retiredHash!: Buffer;
}

/** The entity over `session_chains`. */
export const sessionChainEntity = (schema: string) =>
  new EntitySchema<SessionChainRow>({
    name: 'SessionChainRow',
    target: SessionChainRow,
    tableName: 'session_chains',
    schema,
    columns: {
      chain: { type: 'smallint', primary: true, primaryKeyConstraintName: 'session_chains_pkey' },
      lastSeq: { name: 'last_seq', type: 'bigint', default: 0 },
      lastHash: { name: 'last_hash', type: 'bytea', default: () => `sha256('\\x')` },
      updatedAt: { name: 'updated_at', type: 'timestamptz', precision: 3, nullable: true },
      longestSession: { name: 'longest_session', type: 'bigint', default: 0 },
      retiredSeq: { name: 'retired_seq', type: 'bigint', default: 0 },
      retiredHash: {
        name: 'retired_hash',
        type: 'bytea',
        default: () => `sha256('\\x')`,
      },
    },
  });
