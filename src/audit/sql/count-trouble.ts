import type { LedgerTables } from '../postgres/ledger-tables.js';

/** How many dead letters wait, and how many rows lie in the default partitions. */
export const countHealthIssues = (t: LedgerTables): string => `
SELECT (SELECT count(*) FROM ${t.deadLetters} WHERE redriven_at IS NULL) AS dead_letters,
       (SELECT count(*) FROM ${t.schema}.sessions_default)
       + (SELECT count(*) FROM ${t.schema}.session_events_default) AS default_partition_rows`;
