import { isDataError } from './database-errors.js';
import { UnreadableEntry, type DeadLetters } from './dead-letters.js';
import type { LedgerDatabase } from './ledger-database.js';
import { parseEntry, type LedgerEvent } from './ledger-event.js';
import type { LedgerWriter } from './ledger-writer.js';
import type { Outbox, OutboxEntry } from './outbox.js';

/** Events in a transaction: measured, more make it no faster (docs/performance.md). */
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

/** Moves a bucket's outbox into Postgres. */
export class Drain {
  constructor(
    private readonly database: LedgerDatabase,
    private readonly outbox: Outbox,
    private readonly writer: LedgerWriter,
    private readonly deadLetters: DeadLetters,
  ) {}

  /**
   * Drains until the outbox is empty, or another drainer is found at work.
   *
   * @throws SessionError `ERR_SESSION_DATABASE_UNAVAILABLE`: nothing is lost, call again
   */
  async drainBucket(bucket: number): Promise<DrainReport> {
    const total: DrainReport = { recorded: 0, deadLettered: 0, busy: false };
    while (!total.busy && (await this.outbox.length(bucket)) > 0) {
      const batch = await this.drainBatch(bucket);
      total.recorded += batch.recorded;
      total.deadLettered += batch.deadLettered;
      total.busy = batch.busy;
    }
    return total;
  }

  /** Drains one batch from the head of the outbox; otherwise as `drainBucket`. */
  async drainBatch(bucket: number): Promise<DrainReport> {
    const report: DrainReport = { recorded: 0, deadLettered: 0, busy: false };
    await this.recordHead(bucket, BATCH, report);
    return report;
  }

  /**
   * Records the first `count` entries. Where Postgres refuses the batch for what is in it, each
   * half is tried alone, down to the entry that is at fault.
   */
  private async recordHead(bucket: number, count: number, report: DrainReport): Promise<void> {
    const attempt: OutboxEntry[] = [];
    let entries: OutboxEntry[] = [];
    try {
      entries = await this.commitHead(bucket, count, attempt, report);
    } catch (error) {
      if (!isDataError(error)) throw error;
      if (attempt.length > 1) {
        const half = Math.ceil(attempt.length / 2);
        await this.recordHead(bucket, half, report);
        return this.recordHead(bucket, attempt.length - half, report);
      }
      entries = await this.bury(bucket, attempt[0]!, error, report);
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
  ): Promise<OutboxEntry[]> {
    let unreadable = 0;
    let recorded = 0;
    const entries = await this.database.transaction(async (runner) => {
      const chain = await this.writer.lock(runner, bucket);
      if (!chain) return null;
      // Read under the lock: what another drainer has recorded is gone from the stream by then,
      // or is found in `sessions`.
      const head = await this.outbox.head(bucket, count);
      attempt.push(...head);
      const events: LedgerEvent[] = [];
      for (const [streamId, fields] of head) {
        const event = parseEntry(bucket, fields);
        if (event) {
          events.push(event);
        } else {
          const raw = await this.outbox.rawEntry(bucket, streamId);
          const cause = new UnreadableEntry();
          await this.deadLetters.add(runner, { chain: bucket, streamId, raw, cause });
          unreadable += 1;
        }
      }
      if (events.length > 0) recorded = await this.writer.record(runner, chain, events);
      return head;
    });
    if (!entries) report.busy = true;
    report.recorded += recorded;
    report.deadLettered += unreadable;
    return entries ?? [];
  }

  /** Puts an entry among the dead letters, if it is still the first: another drainer may have. */
  private async bury(
    bucket: number,
    [streamId]: OutboxEntry,
    cause: unknown,
    report: DrainReport,
  ): Promise<OutboxEntry[]> {
    const entries = await this.database.transaction(async (runner) => {
      if (!(await this.writer.lock(runner, bucket))) return null;
      const head = await this.outbox.head(bucket, 1);
      if (head[0]?.[0] !== streamId) return [];
      const raw = await this.outbox.rawEntry(bucket, streamId);
      await this.deadLetters.add(runner, { chain: bucket, streamId, raw, cause });
      return head;
    });
    if (!entries) report.busy = true;
    report.deadLettered += entries?.length ?? 0;
    return entries ?? [];
  }
}
