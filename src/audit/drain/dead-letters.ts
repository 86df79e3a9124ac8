import type { QueryRunner } from 'typeorm';

import type { LedgerDatabase } from '../postgres/connection.js';
import { isDataError, sqlState } from '../postgres/errors.js';
import type { LedgerTables } from '../postgres/schema.js';
import { parseEntry } from './event.js';
import type { LedgerWriter } from './ledger-writer.js';
import type { OutboxEntry } from './outbox.js';

/** An outbox entry that could not be recorded. */
export interface DeadLetter {
  id: string;
  /** The entry's bucket, which is also its chain. */
  chain: number;
  streamId: string;
  /** The entry as it was in the outbox: field and value, one per line. */
  raw: Buffer;
  /** The SQLSTATE, if Postgres rejected the entry. */
  sqlState: string | null;
  reason: string;
  createdAt: Date;
}

/** What a redrive did. */
export interface RedriveReport {
  recorded: number;
  /** Dead letters that were rejected again, with the reason. */
  refused: { id: string; reason: string }[];
}

const PAGE = 100;

/** Keeps the entries that could not be recorded until they can be. */
export class DeadLetters {
  constructor(
    private readonly database: LedgerDatabase,
    private readonly tables: LedgerTables,
    private readonly writer: LedgerWriter,
  ) {}

  async add(
    runner: QueryRunner,
    chain: number,
    { id, raw }: OutboxEntry,
    cause: unknown,
  ): Promise<void> {
    const reason = cause instanceof Error ? cause.message : String(cause);
    // The reason may quote the characters for which Postgres rejected the record.
    const cleaned = reason.replaceAll('\0', '').toWellFormed();
    const state = sqlState(cause) ?? null;
    await runner.query(insertDeadLetter(this.tables), [chain, id, raw, state, cleaned]);
  }

  /** Which of these entries of the outbox are dead letters, by their stream IDs. */
  async findKnown(runner: QueryRunner, chain: number, streamIds: string[]): Promise<Set<string>> {
    const rows: { id: string }[] = await runner.query(findDeadLetters(this.tables), [
      chain,
      streamIds,
    ]);
    return new Set(rows.map(({ id }) => id));
  }

  /** Dead letters that are not redriven yet, from the oldest; `after` is the last ID seen. */
  async list(after = '0', limit = PAGE): Promise<DeadLetter[]> {
    return this.database.query(listDeadLetters(this.tables), [after, limit]);
  }

  /** Tries to record every dead letter, from the oldest, in a transaction each. */
  async redrive(): Promise<RedriveReport> {
    const report: RedriveReport = { recorded: 0, refused: [] };
    let page = await this.list();
    while (page.length > 0) {
      for (const letter of page) {
        try {
          report.recorded += await this.redriveOne(letter);
        } catch (error) {
          if (!isDataError(error) && !(error instanceof UnreadableEntry)) throw error;
          report.refused.push({ id: letter.id, reason: (error as Error).message });
        }
      }
      page = await this.list(page.at(-1)!.id);
    }
    return report;
  }

  private async redriveOne(letter: DeadLetter): Promise<number> {
    const event = parseEntry(letter.chain, letter.raw);
    if (!event) throw new UnreadableEntry();
    return this.database.transaction(async (runner) => {
      const locked = await runner.query(lockDeadLetter(this.tables), [letter.id]);
      if (locked.length === 0) return 0; // another redrive is handling it, or has recorded it
      const chain = await this.writer.waitForLock(runner, letter.chain);
      // Its number was committed with the dead letter.
      await this.writer.record(runner, chain, [{ ...event, outboxNumber: null }]);
      await runner.query(markRedriven(this.tables), [letter.id]);
      return 1;
    });
  }
}

/** An entry that none of the scripts wrote: there is nothing to record. */
export class UnreadableEntry extends Error {
  override readonly name = 'UnreadableEntry';

  constructor() {
    super('the entry is not in the layout of an audit event');
  }
}

/**
 * Stores a dead letter, once: after a crash the same entry may be added again.
 *
 * $1 chain, $2 stream ID, $3 raw bytes, $4 SQLSTATE, $5 reason
 */
const insertDeadLetter = (t: LedgerTables): string => `
INSERT INTO ${t.deadLetters} (chain, stream_id, raw, sqlstate, reason) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT DO NOTHING`;

/** $1 chain, $2 stream IDs */
const findDeadLetters = (t: LedgerTables): string => `
SELECT stream_id AS id FROM ${t.deadLetters} WHERE chain = $1 AND stream_id = ANY ($2)`;

/** A page of the dead letters that are not redriven yet. $1 the ID before the first, $2 limit */
const listDeadLetters = (t: LedgerTables): string => `
SELECT id, chain, stream_id AS "streamId", raw, sqlstate AS "sqlState", reason,
       created_at AS "createdAt"
FROM ${t.deadLetters} WHERE redriven_at IS NULL AND id > $1 ORDER BY id LIMIT $2`;

/** Locks a dead letter; no row if another redrive has locked or recorded it. $1 ID */
const lockDeadLetter = (t: LedgerTables): string => `
SELECT id FROM ${t.deadLetters} WHERE id = $1 AND redriven_at IS NULL FOR UPDATE SKIP LOCKED`;

/** $1 ID */
const markRedriven = (t: LedgerTables): string => `
UPDATE ${t.deadLetters} SET redriven_at = now() WHERE id = $1`;
