/** A row of `session_events`. Times in ms. */
export interface EventRecord {
  chain: number;
  seq: number;
  event: 'created' | 'destroyed';
  handle: string;
  sessionCreatedAt: number;
  occurredAt: number;
  expiresAt: number;
  userId: string | null;
  reason: string | null;
  actor: string | null;
}

/** A row of `sessions`. */
export interface SessionRow {
  handle: string;
  userId: string | null;
  createdAt: number;
  expiresAt: number;
  endedAt: number | null;
  endReason: string | null;
  endedBy: string | null;
  userAgent: string | null;
  beginRecorded: boolean;
}

/** A session's record in Redis. */
export interface LiveSession {
  handle: string;
  userId: string;
  createdAt: number;
}

/** What Redis and Postgres hold once the system has settled, read in this order. */
export interface Evidence {
  /** Sessions in the expiry index: their ends wait there. */
  due: Set<string>;
  events: EventRecord[];
  rows: SessionRow[];
  /** What is wrong with the chains, by `SessionAudit.verify()`'s statements; empty where whole. */
  chainBreaks: string[];
  /** Entries that Postgres refused: the campaign sends none that it should refuse. */
  deadLetters: number;
  /** Read last: what expires meanwhile is then neither live nor missed. */
  live: LiveSession[];
}
