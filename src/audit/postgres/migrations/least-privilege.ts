import type { MigrationInterface, QueryRunner } from 'typeorm';

// Frozen, like every migration: see create-session-ledger.ts.

/**
 * Lets a role that owns nothing create partitions, and creates them without queueing behind readers:
 * `ATTACH PARTITION` lets reads and writes go on, but only without a default partition.
 *
 * @param schema quoted name of the schema
 */
export function leastPrivilege(schema: string) {
  return class LeastPrivilege1797000000000 implements MigrationInterface {
    readonly name = 'LeastPrivilege1797000000000';

    async up(runner: QueryRunner): Promise<void> {
      await runner.query(`SET LOCAL lock_timeout = '50ms'`);
      await runner.query(createPartitionFunction(schema));
      await runner.query(callPartitionFunction(schema));
      await runner.query(
        `ALTER FUNCTION ${schema}.retire_session_events(date) SET lock_timeout = '1s'`,
      );
      await runner.query(moveDefaultRows(schema));
    }

    async down(runner: QueryRunner): Promise<void> {
      await runner.query(`SET LOCAL lock_timeout = '50ms'`);
      await runner.query(createDefaultPartitions(schema));
      await runner.query(`ALTER FUNCTION ${schema}.retire_session_events(date) RESET lock_timeout`);
      await runner.query(createEarlierFunction(schema));
      await runner.query(`DROP FUNCTION ${schema}.make_session_partition(text, date)`);
    }
  };
}

/**
 * `make_session_partition(parent, month)` creates the partition of a month, and returns whether it
 * was missing. It runs as the owner, so a role needs only `EXECUTE`; hence the fixed `search_path`,
 * and nothing from the caller enters a statement but two checked values.
 *
 * The new table is made aside: `PARTITION OF` would lock the parent against reads. Each lock is
 * waited for 50 ms at most, so nothing queues behind it for longer. The users table, if there is one,
 * is locked against writes for the milliseconds of the transaction: its foreign key requires it.
 */
const createPartitionFunction = (schema: string): string => `
CREATE FUNCTION ${schema}.make_session_partition(parent text, month date) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET lock_timeout = '50ms' AS $$
DECLARE
  first timestamptz := month::timestamp AT TIME ZONE 'UTC';
  partition text := parent || '_' || to_char(month, 'YYYY_MM');
BEGIN
  IF parent NOT IN ('sessions', 'session_events') OR extract(day FROM month) <> 1
     OR month NOT BETWEEN '1970-01-01' AND now() + interval '13 months' THEN
    RAISE EXCEPTION 'make_session_partition: there is no partition of % for %', parent, month
      USING ERRCODE = 'invalid_parameter_value';
  END IF;
  IF to_regclass(format('${schema}.%I', partition)) IS NOT NULL THEN RETURN false; END IF;
  PERFORM pg_advisory_xact_lock(hashtext('make_session_partitions'));
  EXECUTE format('CREATE TABLE ${schema}.%I (LIKE ${schema}.%I INCLUDING DEFAULTS INCLUDING CONSTRAINTS)',
                 partition, parent);
  IF parent = 'session_events' THEN
    -- Truncating a partition directly doesn't fire the statement trigger of its parent.
    EXECUTE format(
      'CREATE TRIGGER session_events_no_truncate BEFORE TRUNCATE ON ${schema}.%I '
      'FOR EACH STATEMENT EXECUTE FUNCTION ${schema}.refuse_session_events_change()', partition);
  END IF;
  EXECUTE format('ALTER TABLE ${schema}.%I ATTACH PARTITION ${schema}.%I FOR VALUES FROM (%L) TO (%L)',
                 parent, partition, first,
                 (month + interval '1 month') AT TIME ZONE 'UTC');
  RETURN true;
EXCEPTION WHEN duplicate_table OR invalid_object_definition THEN
  -- Another process was faster: an advisory lock doesn't refresh what this one knows of the catalog.
  -- Or the month is retired: what is recorded late has a partition of its own.
  RETURN false;
END $$;

REVOKE ALL ON FUNCTION ${schema}.make_session_partition(text, date) FROM PUBLIC;
`;

/** Replaces the body that the owner had to run. Old processes call it during an update. */
const callPartitionFunction = (schema: string): string => `
CREATE OR REPLACE FUNCTION ${schema}.make_session_partitions(ahead integer) RETURNS SETOF text
LANGUAGE sql AS $$
  SELECT parent || to_char(month, '_YYYY_MM')
  FROM unnest(ARRAY['sessions', 'session_events']) AS parent,
       generate_series(date_trunc('month', now() AT TIME ZONE 'UTC'),
                       date_trunc('month', now() AT TIME ZONE 'UTC') + ahead * interval '1 month',
                       interval '1 month') AS month
  WHERE ${schema}.make_session_partition(parent, month::date)
$$;
`;

/** Removes the default partitions. Rows in them move to the partition of their month. */
const moveDefaultRows = (schema: string): string => `
DO $$ BEGIN
  FOR attempt IN 1..150 LOOP
    BEGIN
      LOCK TABLE ${schema}.session_chains, ${schema}.session_events, ${schema}.sessions
        IN ACCESS EXCLUSIVE MODE;
      CREATE TEMP TABLE moved_sessions ON COMMIT DROP AS TABLE ${schema}.sessions_default;
      CREATE TEMP TABLE moved_events ON COMMIT DROP AS TABLE ${schema}.session_events_default;
      DROP TABLE ${schema}.sessions_default, ${schema}.session_events_default;
      RETURN;
    EXCEPTION WHEN lock_not_available THEN
      IF attempt = 150 THEN RAISE; END IF;
      PERFORM pg_sleep(0.2); -- a reader holds one of the tables, and drains must not queue behind it
    END;
  END LOOP;
END $$;
SELECT ${schema}.make_session_partition('sessions', month::date)
FROM (SELECT DISTINCT date_trunc('month', created_at AT TIME ZONE 'UTC') FROM moved_sessions) AS _ (month);
SELECT ${schema}.make_session_partition('session_events', month::date)
FROM (SELECT DISTINCT date_trunc('month', occurred_at AT TIME ZONE 'UTC') FROM moved_events) AS _ (month);
INSERT INTO ${schema}.sessions OVERRIDING SYSTEM VALUE SELECT * FROM moved_sessions;
INSERT INTO ${schema}.session_events SELECT * FROM moved_events;
`;

const createDefaultPartitions = (schema: string): string => `
CREATE TABLE ${schema}.sessions_default PARTITION OF ${schema}.sessions DEFAULT;
CREATE TABLE ${schema}.session_events_default PARTITION OF ${schema}.session_events DEFAULT;
CREATE TRIGGER session_events_no_truncate BEFORE TRUNCATE ON ${schema}.session_events_default
  FOR EACH STATEMENT EXECUTE FUNCTION ${schema}.refuse_session_events_change();
`;

/** The function as the first migration created it. */
const createEarlierFunction = (schema: string): string => `
CREATE OR REPLACE FUNCTION ${schema}.make_session_partitions(ahead integer) RETURNS SETOF text
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
