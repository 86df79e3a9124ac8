import type { LedgerTables } from '../postgres/ledger-tables.js';

/** Outbox entries that could not be recorded, with the reason and their raw bytes. */
export const createSessionDeadLetters = (t: LedgerTables): string => `
CREATE TABLE ${t.deadLetters} (
  id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT session_dead_letters_pkey PRIMARY KEY,
  chain smallint NOT NULL,
  stream_id text NOT NULL,
  raw bytea NOT NULL,
  sqlstate text,
  reason text NOT NULL,
  created_at timestamptz(3) NOT NULL DEFAULT now(),
  redriven_at timestamptz(3)
);

-- A crash before the entry leaves the stream must not bury it twice.
CREATE UNIQUE INDEX session_dead_letters_entry_key
  ON ${t.deadLetters} (chain, stream_id, sha256(raw));
CREATE INDEX session_dead_letters_open_idx ON ${t.deadLetters} (id) WHERE redriven_at IS NULL;
`;
