import { Injectable } from '@nestjs/common';
import { SessionAudit } from 'nest-session-ledger';
import { DataSource } from 'typeorm';

import { MAX_LIFETIME } from '../session-options.js';

/** Counts for one minute. */
export interface Minute {
  minute: Date;
  signIns: number;
  ends: number;
}

/** The numbers in the live view. */
export interface FiguresNow {
  sessions: number;
  users: number;
  /** Events in Redis that Postgres doesn't have yet. */
  backlog: number;
  /** Events that could not be recorded. */
  deadLetters: number;
  minutes: Minute[];
}

/** Minutes in the chart, including the current one. */
const MINUTES = 30;

/**
 * $1: the longest lifetime of a session (ms). As no active session is older, this and the next query
 * only scan the recent part of the primary key, whose first column is `created_at`.
 */
const ACTIVE = `
SELECT count(*)::int AS sessions, count(DISTINCT user_id)::int AS users
FROM sessions
WHERE created_at > now() - $1::int * interval '1 ms' AND ended_at IS NULL AND expires_at > now()`;

/**
 * A rotation creates one session and ends another, and counts as neither a sign-in nor an end.
 * $1: the longest lifetime of a session (ms), $2: minutes.
 */
const PER_MINUTE = `
WITH span AS (
  SELECT date_trunc('minute', now()) - ($2::int - 1) * interval '1 min' AS since
), change AS (
  SELECT created_at AS at, 1 AS sign_ins, 0 AS ends
  FROM sessions, span WHERE created_at >= since
  UNION ALL
  SELECT ended_at, -(end_reason = 'rotated')::int, (end_reason <> 'rotated')::int
  FROM sessions, span
  WHERE created_at >= since - $1::int * interval '1 ms' AND ended_at >= since
)
SELECT minute, coalesce(sum(sign_ins), 0)::int AS "signIns", coalesce(sum(ends), 0)::int AS ends
FROM span, generate_series(since, now(), '1 min') AS minute
LEFT JOIN change ON at >= minute AND at < minute + interval '1 min'
GROUP BY minute ORDER BY minute`;

@Injectable()
export class Figures {
  constructor(
    private readonly database: DataSource,
    private readonly audit: SessionAudit,
  ) {}

  async now(): Promise<FiguresNow> {
    const [[active], minutes, { backlog, deadLetters }] = await Promise.all([
      this.database.query<{ sessions: number; users: number }[]>(ACTIVE, [MAX_LIFETIME]),
      this.database.query<Minute[]>(PER_MINUTE, [MAX_LIFETIME, MINUTES]),
      this.audit.health(),
    ]);
    return { ...active!, backlog, deadLetters, minutes };
  }
}
