import type { LedgerTables } from '../postgres/ledger-tables.js';

/**
 * `retire_session_events(before)` takes the months of the ledger before a month out of it, and
 * returns the names of the tables that hold them from now on, to be archived and dropped.
 *
 * A row stands in the month in which the event occurred, and in the chain where it was recorded:
 * around the turn of a month these differ. So each chain is cut before its first row that stays;
 * rows after the cut that lie in a retired month stay too, in a partition of their own. The last
 * row before the cut goes to `session_chains`, where the verification takes it up.
 *
 * It doesn't verify what it retires: that has to be done before.
 */
export const createRetireFunction = (t: LedgerTables): string => `
CREATE FUNCTION ${t.schema}.retire_session_events(before date) RETURNS SETOF text
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
  -- Drains wait. They hold a chain's row while they write.
  LOCK TABLE ${t.chains} IN EXCLUSIVE MODE;

  UPDATE ${t.chains} head SET retired_seq = last.seq, retired_hash = last.hash
  FROM ${t.chains} every
  LEFT JOIN LATERAL (
    SELECT seq FROM ${t.events} e WHERE e.chain = every.chain AND occurred_at >= cutoff
    ORDER BY seq LIMIT 1
  ) stays ON true
  CROSS JOIN LATERAL (
    SELECT seq, hash FROM ${t.events} e
    WHERE e.chain = every.chain AND occurred_at < cutoff
      AND seq < coalesce(stays.seq, 9223372036854775807)
    ORDER BY seq DESC LIMIT 1
  ) last
  WHERE head.chain = every.chain;

  FOR partition IN
    SELECT relname FROM pg_inherits JOIN pg_class ON oid = inhrelid
    WHERE inhparent = '${t.events}'::regclass
      AND (relname ~ '^session_events_\\d{4}_\\d\\d$' AND relname < 'session_events_' || month
           OR relname ~ '^session_events_before_')
    ORDER BY relname
  LOOP
    retired := 'retired_' || partition;
    EXECUTE format('ALTER TABLE ${t.events} DETACH PARTITION ${t.schema}.%I', partition);
    EXECUTE format('ALTER TABLE ${t.schema}.%I RENAME TO %I', partition, retired);
    RETURN NEXT retired;
  END LOOP;

  -- Room for the rows that stay, and for any that come this late.
  partition := 'session_events_before_' || month;
  EXECUTE format('CREATE TABLE ${t.schema}.%I PARTITION OF ${t.events} FOR VALUES FROM (MINVALUE) TO (%L)',
                 partition, cutoff);
  EXECUTE format(
    'CREATE TRIGGER session_events_no_truncate BEFORE TRUNCATE ON ${t.schema}.%I '
    'FOR EACH STATEMENT EXECUTE FUNCTION ${t.schema}.refuse_session_events_change()', partition);
  FOR retired IN
    SELECT relname FROM pg_class
    WHERE relnamespace = '${t.schema}'::regnamespace AND relkind = 'r'
      AND relname ~ '^retired_session_events_'
  LOOP
    EXECUTE format(
      'WITH staying AS (DELETE FROM ${t.schema}.%I r USING ${t.chains} c '
      'WHERE r.chain = c.chain AND r.seq > c.retired_seq RETURNING r.*) '
      'INSERT INTO ${t.events} SELECT * FROM staying', retired);
  END LOOP;
END $$;
`;
