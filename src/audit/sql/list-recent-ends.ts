import type { LedgerTables } from '../ledger-tables.js';

/**
 * The last ends that a chain recorded, by its primary key. Those whose hard end has passed are
 * left out: Redis has let go of them by itself. $1 chain, $2 how many rows to look at
 */
export const listRecentEnds = (t: LedgerTables): string => `
SELECT token FROM (
  SELECT event, token, expires_at FROM ${t.events} WHERE chain = $1 ORDER BY seq DESC LIMIT $2
) recent
WHERE event = 'destroyed' AND expires_at > now()`;
