import type { LedgerDatabase } from '../postgres/connection.js';
import { isDataError } from '../postgres/errors.js';
import { UnreadableEntry, type DeadLetters } from './dead-letters.js';
import { parseEntry, type LedgerEvent } from './event.js';
import type { LedgerWriter } from './ledger-writer.js';
import type { Outbox, OutboxEntry } from './outbox.js';

/** Events in a transaction: it takes tens of milliseconds, so its round trips hardly matter. */
const BATCH = 1_000;

/** What a drain did. */
export interface DrainReport {
  /** Events that it recorded in the ledger. */
  recorded: number;
  /** Entries that it moved to `session_dead_letters`. */
  deadLettered: number;
  /** True if another drainer was working on the bucket; its outbox may not be empty. */
  busy: boolean;
}

export interface DrainOptions {
  /** If another drainer is working on the bucket, wait for it. Otherwise the drain returns. */
  wait?: boolean;
  /** Stops the drain after the current batch. */
  signal?: AbortSignal;
}

/** A committed batch. */
interface Batch {
  /** The entries that it covers, which can now be deleted from the outbox. */
  entries: OutboxEntry[];
  recorded: number;
  deadLettered: number;
}

/** Postgres rejected a batch because of the data of at least one entry; nothing was committed. */
class RejectedBatch extends Error {
  override readonly name = 'RejectedBatch';

  constructor(
    readonly entries: OutboxEntry[],
    cause: unknown,
  ) {
    super(`Postgres rejected a batch of ${entries.length} events`, { cause });
  }
}

/** Moves the events of a bucket's outbox into Postgres. */
export class Drain {
  constructor(
    private readonly database: LedgerDatabase,
    private readonly outbox: Outbox,
    private readonly writer: LedgerWriter,
    private readonly deadLetters: DeadLetters,
  ) {}

  /**
   * Records the events that are in the outbox now. Newer ones are left to the next drain: otherwise
   * a busy bucket could keep a drain running, and the other buckets waiting.
   *
   * @throws SessionError `ERR_SESSION_DATABASE_UNAVAILABLE`: nothing is lost, call again
   */
  async drainBucket(bucket: number, options: DrainOptions = {}): Promise<DrainReport> {
    let report: DrainReport = { recorded: 0, deadLettered: 0, busy: false };
    const last = await this.outbox.lastId(bucket);
    if (last === null) return report;
    while (!report.busy && !options.signal?.aborted && (await this.outbox.hasUpTo(bucket, last))) {
      report = sum(report, await this.recordHead(bucket, BATCH, options));
    }
    return report;
  }

  /** Records the first `count` entries, and then deletes them from the outbox. */
  private async recordHead(
    bucket: number,
    count: number,
    options: DrainOptions,
  ): Promise<DrainReport> {
    try {
      const batch = await this.commitHead(bucket, count, options);
      return await this.removeCommitted(bucket, batch);
    } catch (error) {
      if (!(error instanceof RejectedBatch)) throw error;
      return this.recordRejected(bucket, error, options);
    }
  }

  /**
   * Commits a batch with the first `count` entries; null if another drainer holds the chain.
   *
   * @throws RejectedBatch if the data of one of the entries is at fault
   */
  private async commitHead(
    bucket: number,
    count: number,
    { wait = false }: DrainOptions,
  ): Promise<Batch | null> {
    let entries: OutboxEntry[] = [];
    try {
      return await this.database.transaction(async (runner) => {
        const chain = wait
          ? await this.writer.waitForLock(runner, bucket)
          : await this.writer.lock(runner, bucket);
        if (!chain) return null;
        // Read under the lock, so events that another drainer has recorded are either gone from the
        // stream or marked as recorded in `sessions`.
        entries = await this.outbox.head(bucket, count);
        const events: LedgerEvent[] = [];
        for (const entry of entries) {
          const event = parseEntry(bucket, entry.raw);
          if (event) events.push(event);
          else await this.deadLetters.add(runner, bucket, entry, new UnreadableEntry());
        }
        const recorded = events.length > 0 ? await this.writer.record(runner, chain, events) : 0;
        return { entries, recorded, deadLettered: entries.length - events.length };
      });
    } catch (error) {
      // Postgres may reject the data as late as at the commit.
      if (!isDataError(error) || entries.length === 0) throw error;
      throw new RejectedBatch(entries, error);
    }
  }

  /**
   * Deletes a batch from the outbox, after its commit. A crash before this leaves entries that the
   * next drain finds recorded; a crash after it leaves nothing to do.
   */
  private async removeCommitted(bucket: number, batch: Batch | null): Promise<DrainReport> {
    if (!batch) return { recorded: 0, deadLettered: 0, busy: true };
    await this.outbox.remove(bucket, batch.entries);
    return { recorded: batch.recorded, deadLettered: batch.deadLettered, busy: false };
  }

  /** Tries each half of a rejected batch by itself, down to the one entry that is at fault. */
  private async recordRejected(
    bucket: number,
    { entries, cause }: RejectedBatch,
    options: DrainOptions,
  ): Promise<DrainReport> {
    if (entries.length === 1) {
      const batch = await this.deadLetterHead(bucket, entries[0]!, cause);
      return this.removeCommitted(bucket, batch);
    }
    const half = Math.ceil(entries.length / 2);
    const first = await this.recordHead(bucket, half, options);
    return sum(first, await this.recordHead(bucket, entries.length - half, options));
  }

  /** Makes an entry a dead letter if it is still the first: another drainer may have done so. */
  private async deadLetterHead(
    bucket: number,
    { id }: OutboxEntry,
    cause: unknown,
  ): Promise<Batch> {
    const entries = await this.database.transaction(async (runner) => {
      await this.writer.waitForLock(runner, bucket);
      const head = await this.outbox.head(bucket, 1);
      if (head[0]?.id !== id) return [];
      await this.deadLetters.add(runner, bucket, head[0], cause);
      return head;
    });
    return { entries, recorded: 0, deadLettered: entries.length };
  }
}

function sum(one: DrainReport, other: DrainReport): DrainReport {
  return {
    recorded: one.recorded + other.recorded,
    deadLettered: one.deadLettered + other.deadLettered,
    busy: one.busy || other.busy,
  };
}
