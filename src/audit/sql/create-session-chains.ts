import type { LedgerTables } from '../postgres/ledger-tables.js';

/**
 * The head of each chain: its last seq and hash; and where it begins, once its oldest rows were
 * retired. `longest_session` is the longest time from a session's beginning to its end, ms: how far
 * back one can have begun that was live at some moment. A row for every bucket there can be, made here, so that the drain only ever locks one
 * that exists.
 */
export const createSessionChains = (t: LedgerTables): string => `
CREATE TABLE ${t.chains} (
  chain smallint NOT NULL CONSTRAINT session_chains_pkey PRIMARY KEY,
  last_seq bigint NOT NULL DEFAULT 0,
  last_hash bytea NOT NULL DEFAULT sha256(''),
  updated_at timestamptz(3),
  longest_session bigint NOT NULL DEFAULT 0,
  retired_seq bigint NOT NULL DEFAULT 0,
  retired_hash bytea NOT NULL DEFAULT sha256('')
) WITH (fillfactor = 50);

INSERT INTO ${t.chains} (chain) SELECT generate_series(0, 255);
`;
