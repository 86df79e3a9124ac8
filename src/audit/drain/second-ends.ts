import type { QueryRunner } from 'typeorm';

import type { Incidents, NewIncident } from '../guard/incidents.js';
import type { LedgerTables } from '../postgres/schema.js';
import type { LedgerEvent } from './event.js';
import type { LockedChain } from './ledger-writer.js';
import { isSecondEnd, type RepeatedEvent } from './session-rows.js';

/** How far back the rows of an interrupted batch can be: several batches. */
const RECENT_ROWS = 5_000;

/**
 * Recognizes sessions that ended twice, because Redis had gone back and brought them back.
 */
export class SecondEnds {
  private readonly sql: string;

  constructor(
    private readonly incidents: Incidents,
    tables: LedgerTables,
  ) {
    this.sql = findRecentEnds(tables);
  }

  /**
   * Records the second ends of a batch. Returns the repeated events that this chain has committed
   * before: a crash kept them from being deleted from the outbox.
   */
  async record(
    runner: QueryRunner,
    chain: LockedChain,
    repeated: RepeatedEvent[],
  ): Promise<Set<LedgerEvent>> {
    const replays = await this.findReplays(runner, chain, repeated);
    const second = repeated.filter((each) => isSecondEnd(each) && !replays.has(each.event));
    const incidents = second.filter(wasAlive).map((each) => returned(chain.chain, each));
    await this.incidents.recordAll(runner, incidents);
    return replays;
  }

  private async findReplays(
    runner: QueryRunner,
    { chain, outboxNumber }: LockedChain,
    repeated: RepeatedEvent[],
  ): Promise<Set<LedgerEvent>> {
    const replays = new Set<LedgerEvent>();
    const doubtful: RepeatedEvent[] = [];
    for (const each of repeated) {
      const { event } = each;
      if (event.event === 'created' || event.isDeclared) replays.add(event);
      else if (event.outboxNumber! <= outboxNumber) doubtful.push(each);
    }
    if (doubtful.length === 0) return replays;
    // The sweep repeats an end exactly after a rollback, so only the number tells a replay from it.
    const rows: KnownEnd[] = await runner.query(this.sql, [
      chain,
      RECENT_ROWS,
      doubtful.map(({ event }) => event.handle),
      doubtful.map(({ event }) => event.outboxNumber),
    ]);
    const known = new Set(rows.map((row) => `${row.token}:${row.number}:${row.is_second}`));
    for (const each of doubtful) {
      const { handle, outboxNumber: number } = each.event;
      if (known.has(`${handle}:${number}:${isSecondEnd(each)}`)) replays.add(each.event);
    }
    return replays;
  }
}

interface KnownEnd {
  token: string;
  number: string;
  is_second: boolean;
}

/** A sweep after a rollback may write an earlier end, by an idle expiry that was prolonged later. */
function wasAlive({ event, end }: RepeatedEvent): boolean {
  return event.occurredAt > end!.at;
}

function returned(chain: number, { event, end }: RepeatedEvent): NewIncident {
  return {
    kind: 'session-returned',
    chain,
    handle: event.handle,
    outboxNumber: event.outboxNumber!,
    details: {
      usableFrom: new Date(end!.at).toISOString(),
      usableUntil: new Date(event.occurredAt).toISOString(),
      endReason: end!.reason,
      secondEndReason: event.reason,
    },
  };
}

/**
 * Which of these ends the chain's newest rows and the incidents have, with these very numbers.
 *
 * $1 chain, $2 rows to look at, $3 token, $4 outbox number: an array each
 */
const findRecentEnds = (t: LedgerTables): string => `
WITH doubtful AS (SELECT * FROM unnest($3::text[], $4::bigint[]) AS d (token, number))
SELECT token, number, false AS is_second FROM doubtful JOIN (
  SELECT token, outbox_number AS number, event FROM ${t.events} WHERE chain = $1
  ORDER BY seq DESC LIMIT $2
) recent USING (token, number) WHERE event = 'destroyed'
UNION
SELECT i.token, i.outbox_number, true FROM ${t.incidents} i
JOIN doubtful d ON i.token = d.token AND i.outbox_number = d.number`;
