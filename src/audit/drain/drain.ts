import { isDataError } from '../postgres/database-errors.js';
import { UnreadableEntry, type DeadLetters } from './dead-letters.js';
import type { LedgerDatabase } from '../postgres/ledger-database.js';
import { parseEntry, type LedgerEvent } from './ledger-event.js';
import type { LedgerWriter } from './ledger-writer.js';
import type { Outbox, OutboxEntry } from './outbox.js';

/** Events in a transaction: a batch of tens of milliseconds, whose round trips hardly count. */
const BATCH = 1_000;

/** What a drain did. */
export interface DrainReport {
  /** Events that are now in the ledger. */
  recorded: number;
  /** Entries that went to `session_dead_letters`. */
  deadLettered: number;
  /** Another drainer was at work on the bucket; its outbox may not be empty. */
  busy: boolean;
}

export interface DrainOptions {
  /** Wait for another drainer that is at work on the bucket, instead of leaving it to that one. */
  wait?: boolean;
  /** Ends the drain after the batch that it is at. */
  signal?: AbortSignal;
}

/** Moves a bucket's outbox into Postgres. */
export class Drain {
  constructor(
    private readonly database: LedgerDatabase,
    private readonly outbox: Outbox,
    private readonly writer: LedgerWriter,
    private readonly deadLetters: DeadLetters,
  ) {}

  /**
   * Drains what is in the outbox now. New events may come as fast as they go: they are left to the
   * next drain, so that every bucket has its turn.
   *
   * @throws SessionError `ERR_SESSION_DATABASE_UNAVAILABLE`: nothing is lost, call again
   */
  async drainBucket(bucket: number, options: DrainOptions = {}): Promise<DrainReport> {
    const report: DrainReport = { recorded: 0, deadLettered: 0, busy: false };
    const last = await this.outbox.lastId(bucket);
    if (last === null) return report;
    while (!report.busy && !options.signal?.aborted && (await this.outbox.hasUpTo(bucket, last))) {
      await this.recordHead(bucket, BATCH, report, options);
    }
    return report;
  }

  /**
   * Records the first `count` entries. Where Postgres refuses them for what is in them, each half
   * is tried alone, down to the entry that is at fault.
   */
  private async recordHead(
    bucket: number,
    count: number,
    report: DrainReport,
    options: DrainOptions,
  ): Promise<void> {
    const attempt: OutboxEntry[] = [];
    let entries: OutboxEntry[] = [];
    try {
      entries = await this.commitHead(bucket, count, attempt, report, options);
    } catch (error) {
      if (!isDataError(error) || attempt.length === 0) throw error;
      if (attempt.length > 1) {
        const half = Math.ceil(attempt.length / 2);
        await this.recordHead(bucket, half, report, options);
        return this.recordHead(bucket, attempt.length - half, report, options);
      }
      entries = await this.deadLetter(bucket, attempt[0]!, error, report);
    }
    // Only now, after the commit: a crash before this line leaves entries that will be found
    // recorded, a crash after it leaves nothing to do.
    await this.outbox.remove(bucket, entries);
  }

  private async commitHead(
    bucket: number,
    count: number,
    attempt: OutboxEntry[],
    report: DrainReport,
    { wait = false }: DrainOptions,
  ): Promise<OutboxEntry[]> {
    let recorded = 0;
    let unreadable = 0;
    const entries = await this.database.transaction(async (runner) => {
      const chain = wait
        ? await this.writer.waitForLock(runner, bucket)
        : await this.writer.lock(runner, bucket);
      if (!chain) return null;
      // Read under the lock: what another drainer has recorded is gone from the stream by then,
      // or is found in `sessions`.
      attempt.push(...(await this.outbox.head(bucket, count)));
      const events: LedgerEvent[] = [];
      for (const entry of attempt) {
        const event = parseEntry(bucket, entry.raw);
        if (event) events.push(event);
        else await this.deadLetters.add(runner, bucket, entry, new UnreadableEntry());
      }
      unreadable = attempt.length - events.length;
      if (events.length > 0) recorded = await this.writer.record(runner, chain, events);
      return attempt;
    });
    if (!entries) report.busy = true;
    report.recorded += recorded;
    report.deadLettered += unreadable;
    return entries ?? [];
  }

  /** Puts an entry among the dead letters, if it is still the first: another drainer may have. */
  private async deadLetter(
    bucket: number,
    { id }: OutboxEntry,
    cause: unknown,
    report: DrainReport,
  ): Promise<OutboxEntry[]> {
    const entries = await this.database.transaction(async (runner) => {
      await this.writer.waitForLock(runner, bucket);
      const head = await this.outbox.head(bucket, 1);
      if (head[0]?.id !== id) return [];
      await this.deadLetters.add(runner, bucket, head[0], cause);
      return head;
    });
    report.deadLettered += entries.length;
    return entries;
  }
}
