import { SessionError } from '../../errors.js';
import { isDataError } from '../postgres/database-errors.js';
import type { LedgerDatabase } from '../postgres/ledger-database.js';
import type { LedgerSettings } from '../drain/ledger-writer.js';
import { listActiveSessions } from '../sql/list-active-sessions.js';
import { listUserSessions } from '../sql/list-user-sessions.js';

/** A session as the audit trail knows it. */
export interface RecordedSession {
  handle: string;
  /** Null once the user was deleted, where the trail refers to the users table. */
  userId: string | null;
  createdAt: Date;
  /** The hard end. */
  expiresAt: Date;
  /** Null while the session is open. */
  endedAt: Date | null;
  endReason: string | null;
  endedBy: string | null;
  ip: string | null;
  userAgent: string | null;
}

/** A page of a list that may be long. */
export interface SessionPage {
  sessions: RecordedSession[];
  /** Pass it as `after` to get the next page; null where this is the last. */
  next: string | null;
}

/** Which page, and how long. */
export interface PageRequest {
  /** `next` of the page before. Default: the first page. */
  after?: string;
  /** 1 to 1,000. Default 100. */
  limit?: number;
}

/** The moment up to ms and the ID of the last session seen: new rows can't shift the pages. */
const CURSOR = /^(\d{1,15})_(\d{1,19})$/;
/** After every row there can be. */
const FIRST: [createdAt: string, id: string] = ['infinity', '9223372036854775807'];

/** The questions about sessions that are or were, each an index scan, in pages by key. */
export class History {
  constructor(
    private readonly database: LedgerDatabase,
    private readonly settings: LedgerSettings,
  ) {}

  async ofUser(userId: string, page: PageRequest = {}): Promise<SessionPage> {
    const { tables, userIdType } = this.settings;
    return this.page(page, listUserSessions(tables, userIdType), [userId]);
  }

  async activeAt(moment: Date, page: PageRequest = {}): Promise<SessionPage> {
    if (Number.isNaN(moment.getTime())) throw invalidInput('the moment is no valid Date');
    const { tables } = this.settings;
    return this.page(page, listActiveSessions(tables), [moment]);
  }

  private async page(
    { after, limit = 100 }: PageRequest,
    sql: string,
    parameters: unknown[],
  ): Promise<SessionPage> {
    if (!Number.isInteger(limit) || limit < 1 || limit > 1_000) {
      throw invalidInput(`limit is ${limit}; use a whole number from 1 to 1000`);
    }
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
      // A user ID that the column can't hold, say.
      throw isDataError(error) ? invalidInput((error as Error).message) : error;
    }
  }
}

/** The ID of the row is the cursor's; a session is known by its handle. */
function withoutRowId(row: RecordedSession & { id: string }): RecordedSession {
  const { id: _id, ...session } = row;
  return session;
}

function cursor(after: string | undefined): [createdAt: Date | string, id: string] {
  if (after === undefined) return FIRST;
  const match = CURSOR.exec(after);
  if (!match) throw invalidInput('`after` is not the `next` of an earlier page');
  return [new Date(Number(match[1])), match[2]!];
}

function invalidInput(why: string): SessionError {
  return new SessionError('ERR_SESSION_INPUT', `The page can't be read: ${why}.`);
}
