import type { QueryRunner } from 'typeorm';

import type { Incidents } from '../guard/incidents.js';
import type { LedgerBinding } from '../guard/ledger-binding.js';
import type { LedgerDatabase } from '../postgres/connection.js';
import { isDataError, sqlState } from '../postgres/errors.js';
import { BATCH, BatchSizes } from './batch-sizes.js';
import { UnreadableEntry, type DeadLetters } from './dead-letters.js';
import { numberOf, parseEntry, type LedgerEvent } from './event.js';
import type { LedgerWriter, LockedChain } from './ledger-writer.js';
import type { Outbox, OutboxEntry } from './outbox.js';
import { judgeNumbers, type NumberedEntry, type NumberVerdict } from './outbox-numbers.js';
import type { SecondEnds } from './second-ends.js';

/** SQLSTATE of a foreign key violation: of a reference to the users table. */
const FOREIGN_KEY = '23503';

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

interface BatchOptions extends DrainOptions {
  /** The same entries were tried before, for a reason that is gone by the second time. */
  isRepeated?: boolean;
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
  private readonly batches = new BatchSizes();

  constructor(
    private readonly database: LedgerDatabase,
    private readonly outbox: Outbox,
    private readonly writer: LedgerWriter,
    private readonly deadLetters: DeadLetters,
    private readonly incidents: Incidents,
    private readonly binding: LedgerBinding,
    private readonly secondEnds: SecondEnds,
  ) {}

  /**
   * Records the events that are in the outbox now. Newer ones are left to the next drain: otherwise
   * a busy bucket could keep a drain running, and the other buckets waiting.
   *
   * @throws SessionError `ERR_SESSION_DATABASE_UNAVAILABLE`: nothing is lost, call again;
   * `ERR_SESSION_LEDGER_HELD`, `ERR_SESSION_LEDGER_MISMATCH`: this is not the ledger's Redis
   */
  async drainBucket(bucket: number, options: DrainOptions = {}): Promise<DrainReport> {
    let report: DrainReport = { recorded: 0, deadLettered: 0, busy: false };
    const last = await this.outbox.lastId(bucket);
    if (last === null) return report;
    await this.binding.requireBound();
    while (!report.busy && !options.signal?.aborted && (await this.outbox.hasUpTo(bucket, last))) {
      report = sum(
        report,
        await this.batches.adapt(bucket, (size) => this.recordHead(bucket, size, options)),
      );
    }
    return report;
  }

  /**
   * Compares the bucket's numbers with the committed ones, even if its outbox is empty, and notes a
   * rollback or a gap in the chain's row.
   */
  async checkNumbers(bucket: number): Promise<void> {
    await this.recordHead(bucket, BATCH, { wait: true });
  }

  /**
   * Makes the chains continue with the numbers of a Redis that replaces an earlier one: its first
   * event that is not recorded yet is the next.
   */
  async continueNumbers(runner: QueryRunner): Promise<void> {
    for (const bucket of this.outbox.buckets.numbers()) {
      const chain = await this.writer.waitForLock(runner, bucket);
      const last = await this.outbox.lastNumber(bucket);
      const [first] = await this.outbox.head(bucket, 1);
      const next = (first && numberOf(first.raw)) ?? last + 1;
      if (last < chain.outboxNumber || next <= chain.outboxNumber) {
        await this.writer.resetNumber(runner, bucket, next - 1);
      }
    }
  }

  /** Records the first `count` entries, and then deletes them from the outbox. */
  private async recordHead(
    bucket: number,
    count: number,
    options: BatchOptions,
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
    { wait = false, isRepeated = false }: BatchOptions,
  ): Promise<Batch | null> {
    let entries: OutboxEntry[] = [];
    try {
      return await this.database.transaction(async (runner) => {
        const chain = wait
          ? await this.writer.waitForLock(runner, bucket)
          : await this.writer.lock(runner, bucket);
        if (!chain) return null;
        const lastNumber = await this.outbox.lastNumber(bucket); // before the entries
        // Read under the lock, so events that another drainer has recorded are either gone from the
        // stream or marked as recorded in `sessions`.
        entries = await this.outbox.head(bucket, count);
        await this.binding.requireKeyspace(chain.keyspace); // last
        return await this.recordEntries(runner, chain, entries, lastNumber);
      });
    } catch (error) {
      // Postgres may reject the data as late as at the commit.
      if (!isDataError(error) || entries.length === 0) throw error;
      if (!isRepeated && this.writer.partitions.forget(error)) {
        return this.commitHead(bucket, count, { wait: true, isRepeated: true });
      }
      throw new RejectedBatch(entries, error);
    }
  }

  private async recordEntries(
    runner: QueryRunner,
    chain: LockedChain,
    entries: OutboxEntry[],
    lastNumber: number,
  ): Promise<Batch> {
    const parsed = entries.map(({ raw }) => parseEntry(chain.chain, raw));
    for (const [i, entry] of entries.entries()) {
      if (!parsed[i]) await this.deadLetters.add(runner, chain.chain, entry, new UnreadableEntry());
    }
    const events = parsed.filter((event) => event !== null);
    const { recorded, repeated } = await this.writer.record(runner, chain, events);
    const replays = await this.secondEnds.record(runner, chain, repeated);
    const repeatedEvents = new Set(repeated.map(({ event }) => event));
    const known = await this.findDeadLetters(runner, chain, entries, parsed, repeatedEvents);
    const numbered: NumberedEntry[] = entries.map(({ id, raw }, i) => {
      const event = parsed[i];
      const isReplay = !event || replays.has(event) || known.has(id);
      return { number: numberOf(raw), isReadable: event !== null, isReplay };
    });
    const verdict = judgeNumbers(chain.outboxNumber, lastNumber, numbered);
    await this.noteNumbers(runner, chain, verdict);
    return { entries, recorded, deadLettered: entries.length - events.length };
  }

  /**
   * Entries with a committed number whose event was recorded only now. They may be dead letters
   * whose deletion from the outbox was interrupted, and whose cause is gone since.
   */
  private async findDeadLetters(
    runner: QueryRunner,
    { chain, outboxNumber }: LockedChain,
    entries: OutboxEntry[],
    parsed: (LedgerEvent | null)[],
    repeated: Set<LedgerEvent>,
  ): Promise<Set<string>> {
    const doubtful = entries.filter((_, i) => {
      const event = parsed[i];
      return event && event.outboxNumber! <= outboxNumber && !repeated.has(event);
    });
    if (doubtful.length === 0) return new Set();
    return this.deadLetters.findKnown(
      runner,
      chain,
      doubtful.map(({ id }) => id),
    );
  }

  /** Notes the committed numbers, and records what they show: a rollback, or a gap. */
  private async noteNumbers(
    runner: QueryRunner,
    chain: LockedChain,
    verdict: NumberVerdict,
  ): Promise<void> {
    await this.writer.noteNumbers(runner, chain, verdict);
    for (const gap of verdict.gaps) {
      const details = { from: gap.from, to: gap.to };
      await this.incidents.record(runner, { kind: 'number-gap', chain: chain.chain, details });
    }
    if (!verdict.rollback) return;
    const { from, to } = verdict.rollback;
    if (chain.mendFrom !== null && chain.mendFrom <= from) return; // known, and being mended
    await this.incidents.record(runner, {
      kind: 'rollback',
      chain: chain.chain,
      details: { from, to },
    });
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
    { isRepeated, ...options }: BatchOptions,
  ): Promise<DrainReport> {
    // The user was deleted while the batch was written: tried again, it finds the user gone.
    if (sqlState(cause) === FOREIGN_KEY && !isRepeated) {
      return this.recordHead(bucket, entries.length, { ...options, isRepeated: true });
    }
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
      const chain = await this.writer.waitForLock(runner, bucket);
      const lastNumber = await this.outbox.lastNumber(bucket);
      const head = await this.outbox.head(bucket, 1);
      await this.binding.requireKeyspace(chain.keyspace); // last
      if (head[0]?.id !== id) return [];
      await this.deadLetters.add(runner, bucket, head[0], cause);
      const entry = { number: numberOf(head[0].raw), isReadable: true, isReplay: true };
      await this.noteNumbers(runner, chain, judgeNumbers(chain.outboxNumber, lastNumber, [entry]));
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
