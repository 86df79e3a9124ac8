import type { LedgerTables } from '../postgres/ledger-tables.js';

/**
 * The ledger: what happened, in the order in which it was recorded, each row bearing the hash of
 * the one before. Append-only: triggers refuse the rest.
 */
export const createSessionEvents = (t: LedgerTables, userIdType: string): string => `
CREATE TABLE ${t.events} (
  chain smallint NOT NULL,
  seq bigint NOT NULL,
  occurred_at timestamptz(3) NOT NULL,
  event text NOT NULL CHECK (event IN ('created', 'destroyed')),
  token text NOT NULL,
  session_created_at timestamptz(3) NOT NULL,
  user_id ${userIdType},
  expires_at timestamptz(3) NOT NULL,
  reason text,
  actor text,
  client bytea,
  recorded_at timestamptz(3) NOT NULL,
  hash bytea NOT NULL CHECK (octet_length(hash) = 32),
  CONSTRAINT session_events_pkey PRIMARY KEY (chain, seq, occurred_at)
) PARTITION BY RANGE (occurred_at);

-- For questions about a span of time. Measured, a BRIN slows the drain by less than can be told
-- from noise (a B-tree by a third), as rows come about in the order of their times.
CREATE INDEX session_events_time_idx ON ${t.events}
  USING brin (occurred_at) WITH (pages_per_range = 32, autosummarize = on);

CREATE TABLE ${t.schema}.session_events_default PARTITION OF ${t.events} DEFAULT;

CREATE FUNCTION ${t.schema}.refuse_session_events_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'session_events is append-only: % is refused', TG_OP
    USING HINT = 'Erase personal data in sessions (ip, user_agent, client_salt); retire old months by retire_session_events.';
END $$;

CREATE TRIGGER session_events_append_only BEFORE UPDATE OR DELETE ON ${t.events}
  FOR EACH ROW EXECUTE FUNCTION ${t.schema}.refuse_session_events_change();
CREATE TRIGGER session_events_no_truncate BEFORE TRUNCATE ON ${t.events}
  FOR EACH STATEMENT EXECUTE FUNCTION ${t.schema}.refuse_session_events_change();
CREATE TRIGGER session_events_no_truncate BEFORE TRUNCATE ON ${t.schema}.session_events_default
  FOR EACH STATEMENT EXECUTE FUNCTION ${t.schema}.refuse_session_events_change();
`;
