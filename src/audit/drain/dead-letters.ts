import type { QueryRunner } from 'typeorm';

import { isDataError, sqlState } from '../postgres/database-errors.js';
import type { LedgerDatabase } from '../postgres/ledger-database.js';
import { parseEntry } from './ledger-event.js';
import type { LedgerTables } from '../postgres/ledger-tables.js';
import type { LedgerWriter } from './ledger-writer.js';
import type { OutboxEntry } from './outbox.js';
import { insertDeadLetter } from '../sql/insert-dead-letter.js';
import { listDeadLetters } from '../sql/list-dead-letters.js';
import { lockDeadLetter, markRedriven } from '../sql/redrive-dead-letter.js';

/** An outbox entry that could not be recorded. */
export interface DeadLetter {
  id: string;
  /** The bucket, which is also the chain that the record belongs to. */
  chain: number;
  streamId: string;
  /** The entry as it lay in the outbox: field and value, a line each. */
  raw: Buffer;
  /** Postgres's own code for the reason, if it was Postgres that refused. */
  sqlState: string | null;
  reason: string;
  createdAt: Date;
}

/** What became of the dead letters. */
export interface RedriveReport {
  recorded: number;
  /** Those that were refused again, with the reason. */
  refused: { id: string; reason: string }[];
}

const PAGE = 100;

/** Keeps what could not be recorded, until its cause is gone. */
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
    // A reason that quotes the record may hold what Postgres just refused.
    const cleaned = reason.replaceAll('\0', '').toWellFormed();
    await runner.query(insertDeadLetter(this.tables), [
      chain,
      id,
      raw,
      sqlState(cause) ?? null,
      cleaned,
    ]);
  }

  /** Those that still wait, the oldest first, from `after` on. */
  async list(after = '0', limit = PAGE): Promise<DeadLetter[]> {
    return this.database.query(listDeadLetters(this.tables), [after, limit]);
  }

  /** Records those whose cause is gone. Each in a transaction of its own, the oldest first. */
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
      if (locked.length === 0) return 0; // another redrive has it, or had it
      const chain = await this.writer.waitForLock(runner, letter.chain);
      await this.writer.record(runner, chain, [event]);
      await runner.query(markRedriven(this.tables), [letter.id]);
      return 1;
    });
  }
}

/** An entry that no script of ours wrote: there is nothing to record. */
export class UnreadableEntry extends Error {
  override readonly name = 'UnreadableEntry';

  constructor() {
    super('the entry is not in the layout of an audit event');
  }
}
