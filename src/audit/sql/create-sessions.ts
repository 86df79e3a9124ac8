import type { LedgerTables } from '../postgres/ledger-tables.js';

/**
 * One row per session: its state and its history. Partitioned by month of its beginning.
 *
 * The primary key starts with the time, as nothing refers to `id` alone: so it also serves the
 * questions about a span of time.
 */
export const createSessions = (
  t: LedgerTables,
  userIdType: string,
  references: string | null,
): string => `
CREATE TABLE ${t.sessions} (
  id bigint GENERATED ALWAYS AS IDENTITY,
  user_id ${userIdType}${references ? ` REFERENCES ${references} ON DELETE SET NULL` : ''},
  token text NOT NULL,
  expires_at timestamptz(3) NOT NULL,
  created_at timestamptz(3) NOT NULL,
  ended_at timestamptz(3),
  end_reason text,
  ended_by text,
  ip text,
  user_agent text,
  client_salt bytea,
  begin_recorded boolean NOT NULL DEFAULT true,
  CONSTRAINT sessions_pkey PRIMARY KEY (created_at, id),
  CONSTRAINT sessions_token_key UNIQUE (token, created_at)
) PARTITION BY RANGE (created_at);

CREATE INDEX sessions_user_idx ON ${t.sessions} (user_id, created_at DESC, id DESC);
CREATE INDEX sessions_open_idx ON ${t.sessions} (created_at, id) WHERE ended_at IS NULL;
CREATE TABLE ${t.schema}.sessions_default PARTITION OF ${t.sessions} DEFAULT;
`;
