import type { LedgerTables } from '../postgres/ledger-tables.js';

/**
 * `make_session_partitions(ahead)` makes the partitions of this month (UTC) and of `ahead` more,
 * where they are missing, and returns the names of those it made. Safe to call from several
 * processes at once.
 */
export const createPartitionsFunction = (t: LedgerTables): string => `
CREATE FUNCTION ${t.schema}.make_session_partitions(ahead integer) RETURNS SETOF text
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
      CONTINUE WHEN to_regclass(format('${t.schema}.%I', partition)) IS NOT NULL;
      BEGIN
        EXECUTE format(
          'CREATE TABLE ${t.schema}.%I PARTITION OF ${t.schema}.%I FOR VALUES FROM (%L) TO (%L)',
          partition, parent, month,
          (month AT TIME ZONE 'UTC' + interval '1 month') AT TIME ZONE 'UTC');
      EXCEPTION WHEN check_violation THEN
        -- Rows of this month lie in the default partition. They stay there, where they are
        -- watched, and the other months get their partitions all the same.
        CONTINUE;
      END;
      IF parent = 'session_events' THEN
        -- A statement trigger of the parent doesn't fire for a partition that is truncated itself.
        EXECUTE format(
          'CREATE TRIGGER session_events_no_truncate BEFORE TRUNCATE ON ${t.schema}.%I '
          'FOR EACH STATEMENT EXECUTE FUNCTION ${t.schema}.refuse_session_events_change()',
          partition);
      END IF;
      RETURN NEXT partition;
    END LOOP;
  END LOOP;
END $$;
`;
