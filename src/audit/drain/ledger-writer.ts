import { setTimeout as delay } from 'node:timers/promises';

import type { QueryRunner } from 'typeorm';

import { SessionError } from '../../errors.js';
import { Partitions } from '../postgres/partitions.js';
import type { LedgerSettings, LedgerTables } from '../postgres/schema.js';
import type { LedgerEvent } from './event.js';
import { clientHash, newSalt, rowHash, type ChainHead, type LedgerRow } from './hash.js';
import type { NumberVerdict } from './outbox-numbers.js';
import {
  changesBySession,
  SessionRows,
  splitRepeated,
  type RecordedState,
  type RepeatedEvent,
} from './session-rows.js';

/**
 * How long to wait for a chain (ms). A drainer locks it for the tens of milliseconds of a batch, one
 * that has frozen for up to 10 s.
 */
const LOCK_TIMEOUT = 20_000;
const LOCK_RETRY_INTERVAL = 20; // ms

/** A chain that is locked until the transaction ends. */
export interface LockedChain extends ChainHead {
  chain: number;
  /** The time of recording, by Postgres's clock (ms since 1970). */
  now: number;
  /** The last outbox number that was committed. */
  outboxNumber: number;
  /** The first number that Redis has lost and that is not made good yet. */
  mendFrom: number | null;
  /** The Redis that the ledger is bound to. */
  keyspace: string | null;
}

/** What `record` did. */
export interface RecordReport {
  recorded: number;
  repeated: RepeatedEvent[];
}

/** Records batches of events in the ledger, within the caller's transaction. */
export class LedgerWriter {
  readonly partitions: Partitions;
  private readonly sessions: SessionRows;
  private readonly sql;

  constructor(settings: LedgerSettings) {
    const { tables, userIdType } = settings;
    this.partitions = new Partitions(tables);
    this.sessions = new SessionRows(settings);
    this.sql = {
      lock: lockChain(tables),
      exists: chainExists(tables),
      insert: insertEvents(tables, userIdType),
      advance: advanceChain(tables),
      numbers: noteNumbers(tables),
      reset: resetNumber(tables),
    };
  }

  /**
   * Locks a chain until the transaction ends; null if another drainer holds it.
   *
   * @throws SessionError `ERR_SESSION_LEDGER_DAMAGED` if the chain has no head
   */
  async lock(runner: QueryRunner, chain: number): Promise<LockedChain | null> {
    const [row] = await runner.query(this.sql.lock, [chain]);
    if (!row) {
      const [head] = await runner.query(this.sql.exists, [chain]);
      if (!head) throw missingHead(chain);
      return null;
    }
    return {
      chain,
      seq: BigInt(row.last_seq),
      hash: row.last_hash,
      now: Number(row.now),
      outboxNumber: Number(row.outbox_number),
      keyspace: row.keyspace,
      mendFrom: row.mend_from === null ? null : Number(row.mend_from),
    };
  }

  /**
   * Locks a chain once it is free. Polls instead of queueing for the lock in Postgres: a waiter
   * whose connection has died stays in that queue, and when its turn comes it holds the lock until
   * Postgres finds it idle. The fault campaign saw a row of such waiters block a bucket for minutes.
   *
   * @throws SessionError `ERR_SESSION_DATABASE_UNAVAILABLE` if the chain does not become free
   */
  async waitForLock(runner: QueryRunner, chain: number): Promise<LockedChain> {
    const deadline = performance.now() + LOCK_TIMEOUT;
    for (;;) {
      const locked = await this.lock(runner, chain);
      if (locked) return locked;
      if (performance.now() > deadline) throw stayedLocked(chain);
      await delay(LOCK_RETRY_INTERVAL);
    }
  }

  /**
   * Records the events that are not recorded yet. It filters before it hashes: dropping a row
   * afterwards would leave a gap in the chain.
   */
  async record(
    runner: QueryRunner,
    chain: LockedChain,
    events: LedgerEvent[],
  ): Promise<RecordReport> {
    const recorded = await this.sessions.findRecorded(runner, events);
    const { fresh, repeated } = splitRepeated(events, recorded);
    if (fresh.length > 0) await this.append(runner, chain, fresh, recorded);
    return { recorded: fresh.length, repeated };
  }

  /** Notes which outbox numbers are committed, and which of them have to be made good. */
  async noteNumbers(
    runner: QueryRunner,
    { chain, outboxNumber }: LockedChain,
    { committed, rollback, gaps }: NumberVerdict,
  ): Promise<void> {
    if (committed === outboxNumber && !rollback) return;
    await runner.query(this.sql.numbers, [chain, committed, rollback?.from, gaps[0]?.from]);
  }

  /** Sets the committed number of a chain that continues with another Redis. */
  async resetNumber(runner: QueryRunner, chain: number, committed: number): Promise<void> {
    await runner.query(this.sql.reset, [chain, committed]);
  }

  private async append(
    runner: QueryRunner,
    chain: LockedChain,
    fresh: LedgerEvent[],
    recorded: Map<string, RecordedState>,
  ): Promise<void> {
    const salts = fresh.map((event) => (event.event === 'created' ? newSalt() : null));
    const rows = toRows(chain, fresh, salts);
    await this.ensurePartitions(runner, fresh);
    await runner.query(this.sql.insert, [chain.chain, chain.now, ...eventColumns(rows)]);
    await this.sessions.write(runner, changesBySession(fresh, salts, recorded));
    const { seq, hash } = rows.at(-1)!;
    const longest = Math.max(...rows.map(lifetimeOf));
    await runner.query(this.sql.advance, [chain.chain, String(seq), hash, chain.now, longest]);
  }

  private async ensurePartitions(runner: QueryRunner, events: LedgerEvent[]): Promise<void> {
    const occurred = events.map(({ occurredAt }) => occurredAt);
    const created = events.map(({ sessionCreatedAt }) => sessionCreatedAt);
    await this.partitions.ensure(runner, 'session_events', occurred);
    await this.partitions.ensure(runner, 'sessions', created);
  }
}

/**
 * Locks the head of a chain, if no other transaction holds it. The time becomes `recorded_at` of
 * every row in the batch, and in milliseconds a part of their hashes.
 *
 * $1 chain
 */
const lockChain = (t: LedgerTables): string => `
SELECT last_seq, last_hash, outbox_number, mend_from,
       (SELECT keyspace FROM ${t.ledger}) AS keyspace,
       (extract(epoch FROM date_trunc('milliseconds', clock_timestamp())) * 1000)::bigint AS now
FROM ${t.chains} WHERE chain = $1
FOR UPDATE SKIP LOCKED`;

/** Whether a chain has a head, locked or not. $1 chain */
const chainExists = (t: LedgerTables): string => `
SELECT 1 FROM ${t.chains} WHERE chain = $1`;

/** Appends the events to the chain: numbers them and hashes each with the hash before it. */
function toRows(chain: LockedChain, events: LedgerEvent[], salts: (Buffer | null)[]): LedgerRow[] {
  let { seq, hash } = chain;
  return events.map((event, i) => {
    seq += 1n;
    const salt = salts[i];
    const client = salt ? clientHash(salt, event.ip, event.userAgent) : null;
    const row = { ...event, seq, client, outboxNumber: newNumber(event, chain) };
    hash = rowHash(hash, chain.chain, row, chain.now);
    return { ...row, hash };
  });
}

/** A number that was given out before Redis went back stands for the earlier event only. */
function newNumber(event: LedgerEvent, { outboxNumber }: LockedChain): number | null {
  const number = event.outboxNumber;
  return number !== null && number > outboxNumber ? number : null;
}

/**
 * Appends a batch to the ledger. A plain INSERT: a duplicate row must be an error, because skipping
 * it would leave a gap in the chain.
 *
 * $1 chain, $2 recorded at, then an array each: $3 seq, $4 event, $5 token, $6 session created at,
 * $7 user ID, $8 occurred at, $9 expires at, $10 reason, $11 actor, $12 client (hex), $13 outbox
 * number, $14 hash (hex); times in ms
 */
const insertEvents = (t: LedgerTables, userIdType: string): string => `
INSERT INTO ${t.events} (chain, seq, event, token, session_created_at, user_id, occurred_at,
                         expires_at, reason, actor, client, outbox_number, hash, recorded_at)
SELECT $1, seq, event, token, timestamptz 'epoch' + created_ms * interval '1 ms',
       ${canonicalUserId(userIdType)}, timestamptz 'epoch' + occurred_ms * interval '1 ms',
       timestamptz 'epoch' + expires_ms * interval '1 ms', reason, actor,
       decode(client, 'hex'), outbox_number, decode(hash, 'hex'),
       timestamptz 'epoch' + $2::bigint * interval '1 ms'
FROM unnest($3::bigint[], $4::text[], $5::text[], $6::bigint[], $7::text[], $8::bigint[],
            $9::bigint[], $10::text[], $11::text[], $12::text[], $13::bigint[],
            $14::text[])
  AS e (seq, event, token, created_ms, user_id, occurred_ms, expires_ms, reason, actor, client,
        outbox_number, hash)`;

/**
 * Rejects a user ID that Postgres would store in another spelling ('007' as 7): the row's hash
 * covers the text as it is stored.
 */
function canonicalUserId(userIdType: string): string {
  if (userIdType === 'text') return 'user_id';
  return `CASE WHEN user_id::${userIdType}::text = user_id THEN user_id::${userIdType}
            ELSE ('not canonical: ' || user_id)::${userIdType} END`;
}

function eventColumns(rows: LedgerRow[]): unknown[] {
  return [
    rows.map((row) => String(row.seq)),
    rows.map((row) => row.event),
    rows.map((row) => row.handle),
    rows.map((row) => row.sessionCreatedAt),
    rows.map((row) => row.userId),
    rows.map((row) => row.occurredAt),
    rows.map((row) => row.expiresAt),
    rows.map((row) => row.reason),
    rows.map((row) => row.actor),
    rows.map((row) => row.client?.toString('hex') ?? null),
    rows.map((row) => row.outboxNumber),
    rows.map((row) => row.hash.toString('hex')),
  ];
}

/**
 * Moves the head of a chain to its new last row.
 *
 * $1 chain, $2 last seq, $3 last hash, $4 recorded at (ms), $5 longest lifetime of a session (ms)
 */
const advanceChain = (t: LedgerTables): string => `
UPDATE ${t.chains}
SET last_seq = $2, last_hash = $3, updated_at = timestamptz 'epoch' + $4::bigint * interval '1 ms',
    longest_session = greatest(longest_session, $5)
WHERE chain = $1`;

/** $1 chain, $2 committed, $3 first number that Redis has lost, $4 first number that SQL has lost */
const noteNumbers = (t: LedgerTables): string => `
UPDATE ${t.chains}
SET outbox_number = greatest(outbox_number, $2), mend_from = least(mend_from, $3),
    mend_version = mend_version + ($3::bigint IS NOT NULL)::int,
    recover_from = least(recover_from, $4)
WHERE chain = $1`;

/** $1 chain, $2 committed */
const resetNumber = (t: LedgerTables): string => `
UPDATE ${t.chains} SET outbox_number = $2, mend_from = NULL WHERE chain = $1`;

/** An upper bound of the lifetime of an event's session (ms). */
function lifetimeOf(event: LedgerEvent): number {
  return Math.max(event.expiresAt, event.occurredAt) - event.sessionCreatedAt;
}

function missingHead(chain: number): SessionError {
  return new SessionError(
    'ERR_SESSION_LEDGER_DAMAGED',
    `The table session_chains has no row for chain ${chain}: it was deleted. The events of bucket ` +
      `${chain} wait in Redis. Restore the row from a backup, or from the chain's last row.`,
  );
}

function stayedLocked(chain: number): SessionError {
  return new SessionError(
    'ERR_SESSION_DATABASE_UNAVAILABLE',
    `Another transaction has locked chain ${chain} for ${LOCK_TIMEOUT} ms. Nothing is lost: the ` +
      'events wait in Redis. Look for long transactions in pg_stat_activity.',
  );
}
