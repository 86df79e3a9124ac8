import type { MigrationInterface, QueryRunner } from 'typeorm';

// Frozen: once released, this file never changes, except for its comments. Two databases that have
// run the same migration must be equal. So it contains all of its DDL and imports nothing but
// types, and every later change to the tables needs a new migration.

/** Determines the shape of the tables. */
export interface LedgerTablesSettings {
  /** Quoted name of the schema. */
  schema: string;
  /** SQL type of the application's user IDs. */
  userIdType: string;
  /** The application's users table, quoted, if `sessions.user_id` refers to it. */
  users: { table: string; column: string } | null;
}

/**
 * Creates the audit tables, their triggers and functions, and the partitions of this month and the
 * next three. TypeORM instantiates migrations without arguments, so this returns a class for one
 * schema and one type of user ID.
 */
export function createSessionLedger({ schema, userIdType, users }: LedgerTablesSettings) {
  return class CreateSessionLedger1795000000000 implements MigrationInterface {
    readonly name = 'CreateSessionLedger1795000000000';

    async up(runner: QueryRunner): Promise<void> {
      await runner.query(createSchema(schema));
      await runner.query(createSessions(schema, userIdType, users));
      await runner.query(createSessionEvents(schema, userIdType));
      await runner.query(createSessionChains(schema));
      await runner.query(createSessionDeadLetters(schema));
      await runner.query(createPartitionsFunction(schema));
      await runner.query(createRetireFunction(schema));
      await runner.query(`SELECT ${schema}.make_session_partitions(3)`);
    }

    async down(runner: QueryRunner): Promise<void> {
      const tables = ['sessions', 'session_events', 'session_chains', 'session_dead_letters'];
      await runner.query(`DROP TABLE ${tables.map((table) => `${schema}.${table}`).join(', ')}`);
      await runner.query(`DROP FUNCTION ${schema}.make_session_partitions(integer)`);
      await runner.query(`DROP FUNCTION ${schema}.retire_session_events(date)`);
      await runner.query(`DROP FUNCTION ${schema}.refuse_session_events_change()`);
    }
  };
}

/** Needs no privilege on the database if the schema exists, unlike `IF NOT EXISTS`. */
const createSchema = (schema: string): string => `
DO $$ BEGIN
  IF to_regnamespace('${schema}') IS NULL THEN CREATE SCHEMA ${schema}; END IF;
END $$`;

/**
 * One row per session: its state and its history, partitioned by the month in which the session
 * was created.
 *
 * The primary key starts with the time because nothing refers to `id` alone. This way it also
 * serves queries over a range of time.
 */
const createSessions = (
  schema: string,
  userIdType: string,
  users: LedgerTablesSettings['users'],
): string => `
CREATE TABLE ${schema}.sessions (
  id bigint GENERATED ALWAYS AS IDENTITY,
  user_id ${userIdType}${users ? ` REFERENCES ${users.table} ("${users.column}") ON DELETE SET NULL` : ''},
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

CREATE INDEX sessions_user_idx ON ${schema}.sessions (user_id, created_at DESC, id DESC);
CREATE INDEX sessions_open_idx ON ${schema}.sessions (created_at, id) WHERE ended_at IS NULL;
CREATE TABLE ${schema}.sessions_default PARTITION OF ${schema}.sessions DEFAULT;
`;

/**
 * The ledger: every event, in the order in which it was recorded. Each row contains the hash of
 * the row before it. Append-only: triggers reject updates and deletions.
 */
const createSessionEvents = (schema: string, userIdType: string): string => `
CREATE TABLE ${schema}.session_events (
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

-- For queries over a range of time. Rows arrive roughly in the order of their times, so a BRIN
-- index is enough. It slows the drain by less than the measurement's noise; a B-tree, by a third.
CREATE INDEX session_events_time_idx ON ${schema}.session_events
  USING brin (occurred_at) WITH (pages_per_range = 32, autosummarize = on);

CREATE TABLE ${schema}.session_events_default PARTITION OF ${schema}.session_events DEFAULT;

CREATE FUNCTION ${schema}.refuse_session_events_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'session_events is append-only: % is refused', TG_OP
    USING HINT = 'Erase personal data in sessions (ip, user_agent, client_salt); retire old months by retire_session_events.';
END $$;

CREATE TRIGGER session_events_append_only BEFORE UPDATE OR DELETE ON ${schema}.session_events
  FOR EACH ROW EXECUTE FUNCTION ${schema}.refuse_session_events_change();
CREATE TRIGGER session_events_no_truncate BEFORE TRUNCATE ON ${schema}.session_events
  FOR EACH STATEMENT EXECUTE FUNCTION ${schema}.refuse_session_events_change();
CREATE TRIGGER session_events_no_truncate BEFORE TRUNCATE ON ${schema}.session_events_default
  FOR EACH STATEMENT EXECUTE FUNCTION ${schema}.refuse_session_events_change();
`;

/**
 * The head of each chain: its last seq and hash and, once its oldest rows were retired, the row
 * from which it continues.
 *
 * `longest_session` is the longest lifetime of any session in the chain (ms). It bounds how far
 * back a query for live sessions has to look.
 *
 * There is a row for every possible bucket, so the drain never has to insert the row it locks.
 */
const createSessionChains = (schema: string): string => `
CREATE TABLE ${schema}.session_chains (
  chain smallint NOT NULL CONSTRAINT session_chains_pkey PRIMARY KEY,
  last_seq bigint NOT NULL DEFAULT 0,
  last_hash bytea NOT NULL DEFAULT sha256(''),
  updated_at timestamptz(3),
  longest_session bigint NOT NULL DEFAULT 0,
  retired_seq bigint NOT NULL DEFAULT 0,
  retired_hash bytea NOT NULL DEFAULT sha256('')
) WITH (fillfactor = 50);

INSERT INTO ${schema}.session_chains (chain) SELECT generate_series(0, 255);
`;

/** Outbox entries that could not be recorded, with the reason and their raw bytes. */
const createSessionDeadLetters = (schema: string): string => `
CREATE TABLE ${schema}.session_dead_letters (
  id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT session_dead_letters_pkey PRIMARY KEY,
  chain smallint NOT NULL,
  stream_id text NOT NULL,
  raw bytea NOT NULL,
  sqlstate text,
  reason text NOT NULL,
  created_at timestamptz(3) NOT NULL DEFAULT now(),
  redriven_at timestamptz(3)
);

-- After a crash before the entry left the stream, it must not become a second dead letter.
CREATE UNIQUE INDEX session_dead_letters_entry_key
  ON ${schema}.session_dead_letters (chain, stream_id, sha256(raw));
CREATE INDEX session_dead_letters_open_idx ON ${schema}.session_dead_letters (id) WHERE redriven_at IS NULL;
`;

/**
 * `make_session_partitions(ahead)` creates the missing partitions of this month (UTC) and the next
 * `ahead` months, and returns the names of those it created. Several processes may call it at
 * once.
 */
const createPartitionsFunction = (schema: string): string => `
CREATE FUNCTION ${schema}.make_session_partitions(ahead integer) RETURNS SETOF text
LANGUAGE plpgsql AS $$
DECLARE
  parent text;
  month timestamptz;
  partition text;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtext('make_session_partitions'));
  FOREACH parent IN ARRAY ARRAY['sessions', 'session_events'] LOOP
    FOR i IN 0..ahead LOOP
      month := (date_trunc('month', now() AT TIME ZONE 'UTC') + i * interval '1 month') AT TIME ZONE 'UTC';
      partition := parent || '_' || to_char(month AT TIME ZONE 'UTC', 'YYYY_MM');
      CONTINUE WHEN to_regclass(format('${schema}.%I', partition)) IS NOT NULL;
      BEGIN
        EXECUTE format(
          'CREATE TABLE ${schema}.%I PARTITION OF ${schema}.%I FOR VALUES FROM (%L) TO (%L)',
          partition, parent, month,
          (month AT TIME ZONE 'UTC' + interval '1 month') AT TIME ZONE 'UTC');
      EXCEPTION WHEN check_violation THEN
        -- The default partition already has rows of this month. They stay there, where the health
        -- check counts them, and the other months still get their partitions.
        CONTINUE;
      END;
      IF parent = 'session_events' THEN
        -- Truncating a partition directly doesn't fire the statement trigger of its parent.
        EXECUTE format(
          'CREATE TRIGGER session_events_no_truncate BEFORE TRUNCATE ON ${schema}.%I '
          'FOR EACH STATEMENT EXECUTE FUNCTION ${schema}.refuse_session_events_change()',
          partition);
      END IF;
      RETURN NEXT partition;
    END LOOP;
  END LOOP;
END $$;
`;

/**
 * `retire_session_events(before)` detaches the months before a given month from the ledger. It
 * returns the names of the tables that now contain them, to be archived and dropped. It doesn't
 * verify what it retires: verify the ledger first.
 *
 * A row's partition depends on when its event occurred, its place in the chain on when it was
 * recorded. Around the turn of a month the two orders differ. So each chain is split before its
 * first row that stays. Later rows of a retired month stay as well, in a partition of their own.
 * `session_chains` keeps the last retired row, and the verification continues from it.
 */
const createRetireFunction = (schema: string): string => `
CREATE FUNCTION ${schema}.retire_session_events(before date) RETURNS SETOF text
LANGUAGE plpgsql AS $$
DECLARE
  cutoff timestamptz := before::timestamp AT TIME ZONE 'UTC';
  month text := to_char(before, 'YYYY_MM');
  partition text;
  retired text;
BEGIN
  IF extract(day FROM before) <> 1 OR cutoff > now() THEN
    RAISE EXCEPTION 'retire_session_events: % is not the first day of a month that has begun', before;
  END IF;
  PERFORM pg_advisory_xact_lock(hashtext('make_session_partitions'));
  -- Drains lock their chain's row while they write, so they wait until this is done.
  LOCK TABLE ${schema}.session_chains IN EXCLUSIVE MODE;

  UPDATE ${schema}.session_chains head SET retired_seq = last.seq, retired_hash = last.hash
  FROM ${schema}.session_chains every
  LEFT JOIN LATERAL (
    SELECT seq FROM ${schema}.session_events e WHERE e.chain = every.chain AND occurred_at >= cutoff
    ORDER BY seq LIMIT 1
  ) stays ON true
  CROSS JOIN LATERAL (
    SELECT seq, hash FROM ${schema}.session_events e
    WHERE e.chain = every.chain AND occurred_at < cutoff
      AND seq < coalesce(stays.seq, 9223372036854775807)
    ORDER BY seq DESC LIMIT 1
  ) last
  WHERE head.chain = every.chain;

  FOR partition IN
    SELECT relname FROM pg_inherits JOIN pg_class ON oid = inhrelid
    WHERE inhparent = '${schema}.session_events'::regclass
      AND (relname ~ '^session_events_\\d{4}_\\d\\d$' AND relname < 'session_events_' || month
           OR relname ~ '^session_events_before_')
    ORDER BY relname
  LOOP
    retired := 'retired_' || partition;
    EXECUTE format('ALTER TABLE ${schema}.session_events DETACH PARTITION ${schema}.%I', partition);
    EXECUTE format('ALTER TABLE ${schema}.%I RENAME TO %I', partition, retired);
    RETURN NEXT retired;
  END LOOP;

  -- A partition for the rows that stay, and for any that are recorded this late.
  partition := 'session_events_before_' || month;
  EXECUTE format('CREATE TABLE ${schema}.%I PARTITION OF ${schema}.session_events FOR VALUES FROM (MINVALUE) TO (%L)',
                 partition, cutoff);
  EXECUTE format(
    'CREATE TRIGGER session_events_no_truncate BEFORE TRUNCATE ON ${schema}.%I '
    'FOR EACH STATEMENT EXECUTE FUNCTION ${schema}.refuse_session_events_change()', partition);
  FOR retired IN
    SELECT relname FROM pg_class
    WHERE relnamespace = '${schema}'::regnamespace AND relkind = 'r'
      AND relname ~ '^retired_session_events_'
  LOOP
    EXECUTE format(
      'WITH staying AS (DELETE FROM ${schema}.%I r USING ${schema}.session_chains c '
      'WHERE r.chain = c.chain AND r.seq > c.retired_seq RETURNING r.*) '
      'INSERT INTO ${schema}.session_events SELECT * FROM staying', retired);
  END LOOP;
END $$;
`;
