import { setTimeout as delay } from 'node:timers/promises';

import type { QueryRunner } from 'typeorm';

import { SessionError } from '../../errors.js';
import type { LedgerEvent } from './ledger-event.js';
import { clientHash, newSalt, rowHash, type ChainHead, type LedgerRow } from './ledger-hash.js';
import type { LedgerTables } from '../postgres/ledger-tables.js';
import {
  changesBySession,
  dropRecorded,
  sessionKey,
  type RecordedState,
  type SessionChange,
} from './session-changes.js';
import { completeSessions } from '../sql/complete-sessions.js';
import { endSessions } from '../sql/end-sessions.js';
import { findKnownSessions } from '../sql/find-known-sessions.js';
import { insertEvents } from '../sql/insert-events.js';
import { insertSessions } from '../sql/insert-sessions.js';
import { hasChain } from '../sql/has-chain.js';
import { lockChain } from '../sql/lock-chain.js';
import { updateChain } from '../sql/update-chain.js';

/** A drainer has a chain for the tens of ms of a batch; one that fell silent, for 10 s. ms */
const LOCK_TIMEOUT = 20_000;
const LOCK_RETRY_INTERVAL = 20; // ms

/** How the SQL side is laid out. */
export interface LedgerSettings {
  tables: LedgerTables;
  userIdType: string;
  /** The application's users table, quoted, where the trail refers to it. */
  users: { table: string; column: string } | null;
}

/** A chain, locked for a transaction. */
export interface LockedChain extends ChainHead {
  chain: number;
  /** Postgres's clock, ms: the time of recording. */
  now: number;
}

/** Writes batches of events into the ledger, within a transaction of the caller's. */
export class LedgerWriter {
  private readonly sql;

  constructor({ tables, userIdType, users }: LedgerSettings) {
    this.sql = {
      lock: lockChain(tables),
      hasChain: hasChain(tables),
      known: findKnownSessions(tables),
      events: insertEvents(tables, userIdType),
      sessions: insertSessions(tables, userIdType, users),
      ends: endSessions(tables),
      complete: completeSessions(tables),
      chain: updateChain(tables),
    };
  }

  /** Locks a chain until the transaction ends; null where another drainer has it. */
  async lock(runner: QueryRunner, chain: number): Promise<LockedChain | null> {
    const [row] = await runner.query(`${this.sql.lock} SKIP LOCKED`, [chain]);
    return row ? toLockedChain(chain, row) : null;
  }

  /**
   * Locks a chain, after whoever has it now. Asks again and again instead of queueing in Postgres:
   * there the waiters whose links have died stay in the queue, and each would hold the lock for
   * as long as it takes to be found dead (seen in the fault campaign).
   *
   * @throws SessionError `ERR_SESSION_DATABASE_UNAVAILABLE` where it is never free
   */
  async waitForLock(runner: QueryRunner, chain: number): Promise<LockedChain> {
    const deadline = performance.now() + LOCK_TIMEOUT;
    for (;;) {
      const locked = await this.lock(runner, chain);
      if (locked) return locked;
      const [head] = await runner.query(this.sql.hasChain, [chain]);
      if (!head) throw withoutHead(chain);
      if (performance.now() > deadline) throw stayedLocked(chain);
      await delay(LOCK_RETRY_INTERVAL);
    }
  }

  /**
   * Records the events that aren't recorded yet, and returns how many those were. The filter
   * comes before the hashing: a row dropped afterwards would leave a hole in the chain.
   */
  async record(runner: QueryRunner, chain: LockedChain, events: LedgerEvent[]): Promise<number> {
    const recorded = await this.findRecorded(runner, events);
    const fresh = dropRecorded(events, recorded);
    if (fresh.length === 0) return 0;
    const salts = fresh.map((event) => (event.event === 'created' ? newSalt() : null));
    const rows = toRows(chain, fresh, salts);
    await runner.query(this.sql.events, [chain.chain, chain.now, ...eventColumns(rows)]);
    await this.writeSessions(runner, changesBySession(fresh, salts, recorded));
    const last = rows.at(-1)!;
    const longest = Math.max(...rows.map(lengthOf));
    await runner.query(this.sql.chain, [
      chain.chain,
      String(last.seq),
      last.hash,
      chain.now,
      longest,
    ]);
    return rows.length;
  }

  private async findRecorded(
    runner: QueryRunner,
    events: LedgerEvent[],
  ): Promise<Map<string, RecordedState>> {
    const rows = await runner.query(this.sql.known, [
      events.map((event) => event.handle),
      events.map((event) => event.sessionCreatedAt),
    ]);
    return new Map(
      rows.map((row: { token: string; created_ms: string; begun: boolean; ended: boolean }) => [
        sessionKey({ handle: row.token, sessionCreatedAt: Number(row.created_ms) }),
        { begun: row.begun, ended: row.ended, stored: true },
      ]),
    );
  }

  private async writeSessions(runner: QueryRunner, changes: SessionChange[]): Promise<void> {
    const added = changes.filter((change) => !change.stored);
    const begun = changes.filter((change) => change.stored && change.begin);
    const ended = changes.filter((change) => change.stored && change.end);
    if (added.length > 0) await runner.query(this.sql.sessions, sessionColumns(added));
    if (begun.length > 0) await runner.query(this.sql.complete, beginningColumns(begun));
    if (ended.length > 0) await runner.query(this.sql.ends, endColumns(ended));
  }
}

function toLockedChain(
  chain: number,
  row: { last_seq: string; last_hash: Buffer; now: string },
): LockedChain {
  return { chain, seq: BigInt(row.last_seq), hash: row.last_hash, now: Number(row.now) };
}

function withoutHead(chain: number): SessionError {
  return new SessionError(
    'ERR_SESSION_DATABASE_UNSUITABLE',
    `The table session_chains has no row for chain ${chain}: it was deleted. Restore it.`,
  );
}

function stayedLocked(chain: number): SessionError {
  return new SessionError(
    'ERR_SESSION_DATABASE_UNAVAILABLE',
    `Chain ${chain} was locked by another drainer for ${LOCK_TIMEOUT} ms. Nothing is lost: its ` +
      'events wait in Redis. Look for long transactions in pg_stat_activity.',
  );
}

/** How long an event's session lives, ms, at the most. */
function lengthOf(event: LedgerEvent): number {
  return Math.max(event.expiresAt, event.occurredAt) - event.sessionCreatedAt;
}

/** Hangs the events onto the chain. */
function toRows(chain: LockedChain, events: LedgerEvent[], salts: (Buffer | null)[]): LedgerRow[] {
  let { seq, hash } = chain;
  return events.map((event, i) => {
    seq += 1n;
    const salt = salts[i];
    const client = salt ? clientHash(salt, event.ip, event.userAgent) : null;
    const row = { ...event, seq, client };
    hash = rowHash(hash, chain.chain, row, chain.now);
    return { ...row, hash };
  });
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
    rows.map((row) => row.hash.toString('hex')),
  ];
}

function sessionColumns(changes: SessionChange[]): unknown[] {
  // A session is known by its beginning; where only the end is there, that has to do.
  const known = changes.map((change) => (change.begin ?? change.end)!);
  return [
    known.map((event) => event.userId),
    known.map((event) => event.handle),
    known.map((event) => event.expiresAt),
    known.map((event) => event.sessionCreatedAt),
    changes.map((change) => change.end?.occurredAt ?? null),
    changes.map((change) => change.end?.reason ?? null),
    changes.map((change) => change.end?.actor ?? null),
    known.map((event) => event.ip),
    known.map((event) => event.userAgent),
    changes.map((change) => change.salt?.toString('hex') ?? null),
    changes.map((change) => change.begin !== undefined),
  ];
}

function beginningColumns(changes: SessionChange[]): unknown[] {
  const begins = changes.map((change) => change.begin!);
  return [
    begins.map((event) => event.handle),
    begins.map((event) => event.sessionCreatedAt),
    begins.map((event) => event.expiresAt),
    begins.map((event) => event.ip),
    begins.map((event) => event.userAgent),
    changes.map((change) => change.salt!.toString('hex')),
  ];
}

function endColumns(changes: SessionChange[]): unknown[] {
  const ends = changes.map((change) => change.end!);
  return [
    ends.map((event) => event.handle),
    ends.map((event) => event.sessionCreatedAt),
    ends.map((event) => event.occurredAt),
    ends.map((event) => event.reason),
    ends.map((event) => event.actor),
  ];
}
