import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';

/** A row of the ledger, with the names of its users. */
export interface LedgerEntry {
  chain: number;
  seq: string;
  occurredAt: Date;
  event: 'created' | 'destroyed';
  handle: string;
  /** Null if the user was deleted. */
  user: string | null;
  reason: string | null;
  /** The user who caused the event, or another actor, such as a script. */
  actor: string | null;
  /** The first bytes of the row's hash, in hex. */
  hash: string;
}

/** The last row read, by chain. */
export type Position = Map<number, bigint>;

/** Rows per query. The next query reads the rest of a larger burst. */
const LIMIT = 500;

/**
 * The rows after a position in each chain, by primary key. A chain that got its first row since then
 * isn't in the position, hence the LEFT JOIN. $1: chains, $2: their last rows read, $3: limit.
 */
const ENTRIES_AFTER = `
SELECT e.chain, e.seq, e.occurred_at AS "occurredAt", e.event, e.token AS handle,
       u.name AS "user", e.reason, coalesce(a.name, e.actor) AS actor,
       encode(substring(e.hash FOR 4), 'hex') AS hash
FROM session_chains c
LEFT JOIN unnest($1::smallint[], $2::bigint[]) AS seen (chain, seq) ON seen.chain = c.chain
JOIN session_events e ON e.chain = c.chain AND e.seq > coalesce(seen.seq, 0)
LEFT JOIN users u ON u.id = e.user_id
LEFT JOIN users a ON a.id::text = e.actor
WHERE c.last_seq > coalesce(seen.seq, 0)
ORDER BY e.chain, e.seq LIMIT $3`;

@Injectable()
export class LedgerEntries {
  constructor(private readonly database: DataSource) {}

  /** The current position, or one that is `back` rows earlier in each chain. */
  async position(back = 0): Promise<Position> {
    const chains: { chain: number; seq: string }[] = await this.database.query(
      'SELECT chain, last_seq AS seq FROM session_chains',
    );
    return new Map(chains.map(({ chain, seq }) => [chain, BigInt(seq) - BigInt(back)]));
  }

  /** Returns the entries after a position in order of time, and advances the position. */
  async after(position: Position): Promise<LedgerEntry[]> {
    const seqs = [...position.values()].map(String);
    const entries: LedgerEntry[] = await this.database.query(ENTRIES_AFTER, [
      [...position.keys()],
      seqs,
      LIMIT,
    ]);
    for (const { chain, seq } of entries) position.set(chain, BigInt(seq));
    return entries.toSorted((a, b) => a.occurredAt.getTime() - b.occurredAt.getTime());
  }
}
