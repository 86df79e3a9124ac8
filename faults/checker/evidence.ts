/** A row of `session_events`. Times are in ms since 1970. */
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

/** What Redis and Postgres hold once the system is idle, read in this order. */
export interface Evidence {
  /** The sessions in the expiry index. */
  expiryIndex: Set<string>;
  events: EventRecord[];
  rows: SessionRow[];
  /** Defects of the chains; empty if they are intact. */
  chainBreaks: string[];
  /** Entries that Postgres rejected. The campaign writes none that it should reject. */
  deadLetters: number;
  /** Read last, so that a session that expires in the meantime counts as neither live nor lost. */
  live: LiveSession[];
}
