import { SessionError } from '../../errors.js';
import type { LedgerDatabase } from '../postgres/connection.js';
import { isDataError } from '../postgres/errors.js';
import type { LedgerSettings, LedgerTables } from '../postgres/schema.js';
import { checkUserIdType } from '../postgres/user-id.js';
import { checkMoment, checkPage, parseCursor, type PageRequest } from './input.js';

/** A session in the audit trail. */
export interface RecordedSession {
  handle: string;
  /** Null once the user was deleted, if `sessions` refers to the users table. */
  userId: string | null;
  createdAt: Date;
  /** The absolute expiry. */
  expiresAt: Date;
  /** Null while the session is open. */
  endedAt: Date | null;
  endReason: string | null;
  endedBy: string | null;
  ip: string | null;
  userAgent: string | null;
}

/** A page of sessions. */
export interface SessionPage {
  sessions: RecordedSession[];
  /** Pass it as `after` to get the next page; null on the last page. */
  next: string | null;
}

/**
 * A page continues after the last session seen, by its creation and the ID of its row: unlike a page
 * number, they stay right when rows are added. This sorts after every possible row.
 */
const FIRST: [createdAt: string, id: string] = ['infinity', '9223372036854775807'];

/** Lists sessions of the present and the past, in pages, each by an index scan. */
export class History {
  constructor(
    private readonly database: LedgerDatabase,
    private readonly settings: LedgerSettings,
  ) {}

  async ofUser(userId: string, page?: PageRequest): Promise<SessionPage> {
    const { tables, userIdType } = this.settings;
    const id = checkUserIdType(userId, userIdType);
    return this.page(page, listUserSessions(tables, userIdType), [id]);
  }

  async activeAt(moment: Date, page?: PageRequest): Promise<SessionPage> {
    const { tables } = this.settings;
    return this.page(page, listActiveSessions(tables), [checkMoment(moment)]);
  }

  private async page(
    request: PageRequest | undefined,
    sql: string,
    parameters: unknown[],
  ): Promise<SessionPage> {
    const { after, limit } = checkPage(request);
    try {
      const rows = await this.database.query<RecordedSession & { id: string }>(sql, [
        ...parameters,
        ...cursor(after),
        limit,
      ]);
      const last = rows.at(-1);
      const next = last && rows.length === limit ? `${last.createdAt.getTime()}_${last.id}` : null;
      return { sessions: rows.map(withoutRowId), next };
    } catch (error) {
      // For example a user ID that the column can't store.
      throw isDataError(error) ? invalidInput((error as Error).message) : error;
    }
  }
}

/** The columns of a `RecordedSession`. */
const SESSION_COLUMNS = `
  id, user_id::text AS "userId", token AS handle, created_at AS "createdAt",
  expires_at AS "expiresAt", ended_at AS "endedAt", end_reason AS "endReason",
  ended_by AS "endedBy", ip, user_agent AS "userAgent"`;

/**
 * A page of a user's sessions, newest first, by the index on (user_id, created_at).
 *
 * $1 user ID, $2 and $3 created at and ID of the last one seen, $4 limit
 */
export const listUserSessions = (t: LedgerTables, userIdType: string): string => `
SELECT ${SESSION_COLUMNS}
FROM ${t.sessions}
WHERE user_id = $1::${userIdType} AND created_at <= $2 AND (created_at, id) < ($2, $3)
ORDER BY created_at DESC, id DESC LIMIT $4`;

/**
 * A page of the sessions that were live at a moment, newest first, by the primary key. The longest
 * lifetime of any session limits how far back the scan goes. So does a year, the maximum of
 * `maxLifetime`, in case a forged row claims more.
 *
 * $1 moment, $2 and $3 created at and ID of the last one seen, $4 limit
 */
export const listActiveSessions = (t: LedgerTables): string => `
SELECT ${SESSION_COLUMNS}
FROM ${t.sessions}
WHERE created_at <= $1 AND created_at >= $1::timestamptz - (
    SELECT least(max(longest_session) * interval '1 ms', interval '366 days') FROM ${t.chains})
  AND (created_at, id) < ($2, $3)
  AND (ended_at > $1 OR ended_at IS NULL AND expires_at > $1)
ORDER BY created_at DESC, id DESC LIMIT $4`;

/** The row's ID is only for the cursor; a session is identified by its handle. */
function withoutRowId(row: RecordedSession & { id: string }): RecordedSession {
  const { id: _id, ...session } = row;
  return session;
}

function cursor(after: string | undefined): [createdAt: Date | string, id: string] {
  if (after === undefined) return FIRST;
  const { createdAt, id } = parseCursor(after);
  return [createdAt, id];
}

function invalidInput(why: string): SessionError {
  return new SessionError('ERR_SESSION_INPUT', `The page can't be read: ${why}.`);
}
