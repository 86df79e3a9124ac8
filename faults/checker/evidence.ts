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
  /** Its number in the bucket's outbox; null if it never had one of its own. */
  number: number | null;
  recordedAt: number;
}

/** An event that a server forgot after it was acknowledged, as it was before. */
export interface ForgottenEvent extends Omit<EventRecord, 'seq' | 'recordedAt'> {
  /** Contains the sign-in's marker; only with `created`. */
  userAgent: string | null;
}

/** A row of `session_incidents`. */
export interface IncidentRecord {
  kind: string;
  chain: number | null;
  handle: string | null;
  number: number | null;
  details: { [name: string]: unknown };
  recordedAt: number;
}

/** The numbers of a bucket's events in SQL and in Redis. */
export interface BucketNumbers {
  bucket: number;
  /** The last one that Postgres has committed. */
  committed: number;
  /** The last one that Redis has given out. */
  given: number;
  /** Whether something that Redis or Postgres forgot is still to be made good. */
  isDamaged: boolean;
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
  incidents: IncidentRecord[];
  numbers: BucketNumbers[];
  /** Defects of the chains, and of that of the incidents; empty if they are intact. */
  chainBreaks: string[];
  /** Entries that Postgres rejected. The campaign writes none that it should reject. */
  deadLetters: number;
  /** Read last, so that a session that expires in the meantime counts as neither live nor lost. */
  live: LiveSession[];
}
