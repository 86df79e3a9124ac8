import type { QueryRunner } from 'typeorm';

import type { LedgerSettings, LedgerTables } from '../postgres/schema.js';
import type { LedgerEvent } from './event.js';

/** Which events of a session are recorded, and whether `sessions` has a row for it. */
export interface RecordedState {
  created: boolean;
  /** Null while the session is open. */
  end: RecordedEnd | null;
  stored: boolean;
}

/** A session's recorded end. */
export interface RecordedEnd {
  at: number;
  reason: string | null;
}

/** An event of a session that has one of its kind already. */
export interface RepeatedEvent {
  event: LedgerEvent;
  /** The recorded end, if the event is another one. */
  end: RecordedEnd | null;
}

/** The events of one session in a batch. */
export interface SessionChange {
  created?: LedgerEvent;
  destroyed?: LedgerEvent;
  /** The salt of the client's hash; only with `created`. */
  salt?: Buffer;
  /** Whether `sessions` already has a row for it. */
  stored: boolean;
}

/** Identifies a session by its handle and the time at which it got that handle. */
export function sessionKey(session: { handle: string; sessionCreatedAt: number }): string {
  return `${session.handle}:${session.sessionCreatedAt}`;
}

/**
 * Sets aside the events that are recorded already, and those that the batch contains twice:
 * whatever is replayed, a session has one `created` and one `destroyed` record.
 */
export function splitRepeated(
  events: LedgerEvent[],
  recorded: Map<string, RecordedState>,
): { fresh: LedgerEvent[]; repeated: RepeatedEvent[] } {
  const states = new Map<string, Omit<RecordedState, 'stored'>>();
  const fresh: LedgerEvent[] = [];
  const repeated: RepeatedEvent[] = [];
  for (const event of events) {
    const key = sessionKey(event);
    const state = states.get(key) ?? { created: false, end: null, ...recorded.get(key) };
    states.set(key, state);
    if (event.event === 'created' ? state.created : state.end) {
      repeated.push({ event, end: event.event === 'created' ? null : state.end });
      continue;
    }
    if (event.event === 'created') state.created = true;
    else state.end = { at: event.occurredAt, reason: event.reason };
    fresh.push(event);
  }
  return { fresh, repeated };
}

/**
 * Whether a session ended a second time, so that it was alive after its recorded end. An end that
 * was concluded from SQL is none: Redis did not have the session.
 */
export function isSecondEnd({ event, end }: RepeatedEvent): boolean {
  if (!end || event.isDeclared) return false;
  return end.at !== event.occurredAt || end.reason !== event.reason;
}

/** Groups the batch by session, so that a session created and ended in it becomes one row. */
export function changesBySession(
  events: LedgerEvent[],
  salts: (Buffer | null)[],
  recorded: Map<string, RecordedState>,
): SessionChange[] {
  const changes = new Map<string, SessionChange>();
  events.forEach((event, i) => {
    const key = sessionKey(event);
    const change = changes.get(key) ?? { stored: recorded.get(key)?.stored ?? false };
    changes.set(key, change);
    if (event.event === 'destroyed') change.destroyed = event;
    else Object.assign(change, { created: event, salt: salts[i]! });
  });
  return [...changes.values()];
}

/** Reads and writes the table `sessions` for the drain. */
export class SessionRows {
  private readonly sql;

  constructor(settings: LedgerSettings) {
    this.sql = {
      find: findKnownSessions(settings.tables),
      insert: insertSessions(settings),
      complete: completeSessions(settings.tables),
      end: endSessions(settings.tables),
    };
  }

  /** What is recorded of the sessions that a batch is about, by `sessionKey`. */
  async findRecorded(
    runner: QueryRunner,
    events: LedgerEvent[],
  ): Promise<Map<string, RecordedState>> {
    const rows: KnownSession[] = await runner.query(this.sql.find, [
      events.map((event) => event.handle),
      events.map((event) => event.sessionCreatedAt),
    ]);
    return new Map(
      rows.map((row) => [
        sessionKey({ handle: row.token, sessionCreatedAt: Number(row.created_ms) }),
        { created: row.created, end: endOf(row), stored: true },
      ]),
    );
  }

  async write(runner: QueryRunner, changes: SessionChange[]): Promise<void> {
    const added = changes.filter((change) => !change.stored);
    const completed = changes.filter((change) => change.stored && change.created);
    const ended = changes.filter((change) => change.stored && change.destroyed);
    if (added.length > 0) await runner.query(this.sql.insert, insertColumns(added));
    if (completed.length > 0) await runner.query(this.sql.complete, completeColumns(completed));
    if (ended.length > 0) await runner.query(this.sql.end, endColumns(ended));
  }
}

/** A row of `findKnownSessions`; pg returns a bigint as text. */
export interface KnownSession {
  token: string;
  created_ms: string;
  created: boolean;
  ended: boolean;
  ended_ms: string | null;
  end_reason: string | null;
}

function endOf({ ended_ms: at, end_reason: reason }: KnownSession): RecordedEnd | null {
  return at === null ? null : { at: Number(at), reason };
}

/**
 * What is already recorded of these sessions. A row may have its end without its `created` event,
 * which can still be recorded later.
 *
 * $1 token, $2 created at (ms): an array each
 */
export const findKnownSessions = (t: LedgerTables): string => `
SELECT k.token, k.created_ms, s.begin_recorded AS created, s.ended_at IS NOT NULL AS ended,
       (extract(epoch FROM s.ended_at) * 1000)::bigint AS ended_ms, s.end_reason
FROM unnest($1::text[], $2::bigint[]) AS k (token, created_ms)
JOIN ${t.sessions} s
  ON s.token = k.token AND s.created_at = timestamptz 'epoch' + k.created_ms * interval '1 ms'`;

/**
 * Inserts a row for each session that has none yet, with its end if the batch contains it. A user
 * who has been deleted becomes NULL. They aren't locked, which would need UPDATE on the users table:
 * one who is deleted meanwhile fails the foreign key, and the drain tries again.
 *
 * $1 user ID, $2 token, $3 expires at, $4 created at, $5 ended at, $6 end reason, $7 ended by,
 * $8 ip, $9 user agent, $10 salt (hex), $11 whether `created` is recorded: an array each; times in
 * ms
 */
const insertSessions = ({ tables, userIdType, users }: LedgerSettings): string => `
${users ? withPresentUsers(users, userIdType) : ''}
INSERT INTO ${tables.sessions} (user_id, token, expires_at, created_at, ended_at, end_reason,
                                ended_by, ip, user_agent, client_salt, begin_recorded)
SELECT ${users ? 'present.id' : `user_id::${userIdType}`}, token,
       timestamptz 'epoch' + expires_ms * interval '1 ms',
       timestamptz 'epoch' + created_ms * interval '1 ms',
       timestamptz 'epoch' + ended_ms * interval '1 ms', end_reason, ended_by, ip, user_agent,
       decode(salt, 'hex'), begin_recorded
FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::text[],
            $7::text[], $8::text[], $9::text[], $10::text[], $11::boolean[])
  AS s (user_id, token, expires_ms, created_ms, ended_ms, end_reason, ended_by, ip, user_agent,
        salt, begin_recorded)
${users ? `LEFT JOIN present ON present.id = s.user_id::${userIdType}` : ''}`;

const withPresentUsers = (users: { table: string; column: string }, type: string): string => `
WITH present AS (
  SELECT "${users.column}" AS id FROM ${users.table}
  WHERE "${users.column}" = ANY ($1::text[]::${type}[])
)`;

function insertColumns(changes: SessionChange[]): unknown[] {
  // `created` describes the session; if only its end is known, the end has to.
  const events = changes.map((change) => (change.created ?? change.destroyed)!);
  return [
    events.map((event) => event.userId),
    events.map((event) => event.handle),
    events.map((event) => event.expiresAt),
    events.map((event) => event.sessionCreatedAt),
    changes.map((change) => change.destroyed?.occurredAt ?? null),
    changes.map((change) => change.destroyed?.reason ?? null),
    changes.map((change) => change.destroyed?.actor ?? null),
    events.map((event) => event.ip),
    events.map((event) => event.userAgent),
    changes.map((change) => change.salt?.toString('hex') ?? null),
    changes.map((change) => change.created !== undefined),
  ];
}

/**
 * Completes rows whose end was recorded before their `created` event (a redriven dead letter).
 *
 * $1 token, $2 created at, $3 expires at, $4 ip, $5 user agent, $6 salt (hex): an array each; times
 * in ms
 */
const completeSessions = (t: LedgerTables): string => `
UPDATE ${t.sessions} s
SET begin_recorded = true, expires_at = timestamptz 'epoch' + b.expires_ms * interval '1 ms',
    ip = b.ip, user_agent = b.user_agent, client_salt = decode(b.salt, 'hex')
FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::text[], $5::text[], $6::text[])
  AS b (token, created_ms, expires_ms, ip, user_agent, salt)
WHERE s.token = b.token AND s.created_at = timestamptz 'epoch' + b.created_ms * interval '1 ms'`;

function completeColumns(changes: SessionChange[]): unknown[] {
  const events = changes.map((change) => change.created!);
  return [
    events.map((event) => event.handle),
    events.map((event) => event.sessionCreatedAt),
    events.map((event) => event.expiresAt),
    events.map((event) => event.ip),
    events.map((event) => event.userAgent),
    changes.map((change) => change.salt!.toString('hex')),
  ];
}

/**
 * Writes the end of sessions that were created in an earlier batch.
 *
 * $1 token, $2 created at, $3 ended at, $4 reason, $5 actor: an array each; times in ms
 */
export const endSessions = (t: LedgerTables): string => `
UPDATE ${t.sessions} s
SET ended_at = timestamptz 'epoch' + e.ended_ms * interval '1 ms',
    end_reason = e.reason, ended_by = e.actor
FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::text[], $5::text[])
  AS e (token, created_ms, ended_ms, reason, actor)
WHERE s.token = e.token AND s.created_at = timestamptz 'epoch' + e.created_ms * interval '1 ms'`;

function endColumns(changes: SessionChange[]): unknown[] {
  const events = changes.map((change) => change.destroyed!);
  return [
    events.map((event) => event.handle),
    events.map((event) => event.sessionCreatedAt),
    events.map((event) => event.occurredAt),
    events.map((event) => event.reason),
    events.map((event) => event.actor),
  ];
}
