import type { MigrationInterface, QueryRunner } from 'typeorm';

// Frozen, like every migration: see create-session-ledger.ts.

/**
 * Adds what ties the tables to one Redis, and what shows that Redis or Postgres went back to an
 * earlier state: the ledger ID, the outbox numbers and the incidents.
 *
 * @param schema quoted name of the schema
 */
export function addLedgerId(schema: string) {
  return class AddLedgerId1796000000000 implements MigrationInterface {
    readonly name = 'AddLedgerId1796000000000';

    async up(runner: QueryRunner): Promise<void> {
      await runner.query(createSessionLedgerTable(schema));
      await runner.query(createSessionIncidents(schema));
      await runner.query(addOutboxNumbers(schema));
    }

    async down(runner: QueryRunner): Promise<void> {
      await runner.query(`DROP TABLE ${schema}.session_incidents, ${schema}.session_ledger`);
      await runner.query(`DROP FUNCTION ${schema}.refuse_session_incidents_change()`);
      await runner.query(`ALTER TABLE ${schema}.session_events DROP COLUMN outbox_number`);
      await runner.query(
        `ALTER TABLE ${schema}.session_chains
         DROP COLUMN outbox_number, DROP COLUMN mend_from, DROP COLUMN mend_version, DROP COLUMN recover_from`,
      );
    }
  };
}

/**
 * One row: the ledger's ID and, once it is bound, the Redis that it belongs to. `keyspace` is a
 * random ID of that Redis's keys: it tells two Redises apart that both claim this ledger.
 *
 * The row also is the head of the incidents' hash chain, and where the audit continues.
 */
const createSessionLedgerTable = (schema: string): string => `
CREATE TABLE ${schema}.session_ledger (
  only_row boolean NOT NULL DEFAULT true
    CONSTRAINT session_ledger_pkey PRIMARY KEY
    CONSTRAINT session_ledger_only_row_check CHECK (only_row),
  id uuid NOT NULL,
  created_at timestamptz(3) NOT NULL DEFAULT now(),
  prefix text,
  buckets smallint,
  layout text,
  keyspace text,
  bound_at timestamptz(3),
  incident_seq bigint NOT NULL DEFAULT 0,
  incident_hash bytea NOT NULL DEFAULT sha256(''),
  audit_position text,
  audited_at timestamptz(3)
);

INSERT INTO ${schema}.session_ledger (id) VALUES (gen_random_uuid());
`;

/** What went wrong. Append-only, and a hash chain like the events. */
const createSessionIncidents = (schema: string): string => `
CREATE TABLE ${schema}.session_incidents (
  seq bigint NOT NULL CONSTRAINT session_incidents_pkey PRIMARY KEY,
  recorded_at timestamptz(3) NOT NULL,
  kind text NOT NULL,
  chain smallint,
  token text,
  outbox_number bigint,
  details text NOT NULL,
  hash bytea NOT NULL,
  CONSTRAINT session_incidents_hash_check CHECK (octet_length(hash) = 32)
);

CREATE INDEX session_incidents_token_idx ON ${schema}.session_incidents (token)
  WHERE token IS NOT NULL;
CREATE INDEX session_incidents_kind_idx ON ${schema}.session_incidents (kind, seq);

CREATE FUNCTION ${schema}.refuse_session_incidents_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'session_incidents is append-only: % is refused', TG_OP;
END $$;

CREATE TRIGGER session_incidents_append_only BEFORE UPDATE OR DELETE ON ${schema}.session_incidents
  FOR EACH ROW EXECUTE FUNCTION ${schema}.refuse_session_incidents_change();
CREATE TRIGGER session_incidents_no_truncate BEFORE TRUNCATE ON ${schema}.session_incidents
  FOR EACH STATEMENT EXECUTE FUNCTION ${schema}.refuse_session_incidents_change();
`;

/**
 * `outbox_number` of a chain is the last number that was committed. `mend_from` and `recover_from`
 * are the first numbers that Redis, or Postgres, may have lost and that are not made good yet.
 * `mend_version` counts how often Redis was found to have gone back.
 */
const addOutboxNumbers = (schema: string): string => `
ALTER TABLE ${schema}.session_events ADD COLUMN outbox_number bigint;
ALTER TABLE ${schema}.session_chains
  ADD COLUMN outbox_number bigint NOT NULL DEFAULT 0,
  ADD COLUMN mend_from bigint,
  ADD COLUMN mend_version bigint NOT NULL DEFAULT 0,
  ADD COLUMN recover_from bigint;
`;
