import { Injectable } from '@nestjs/common';
import { SessionAudit } from 'nest-session-ledger';
import { DataSource } from 'typeorm';

import { MAX_LIFETIME } from '../session-options.js';

/** What happened within a minute. */
export interface Minute {
  minute: Date;
  signIns: number;
  ends: number;
}

/** What the live view shows beside the ledger's entries. */
export interface FiguresNow {
  sessions: number;
  users: number;
  /** Events on their way from Redis to Postgres. */
  backlog: number;
  /** Events that could not be recorded. */
  deadLetters: number;
  minutes: Minute[];
}

/** Minutes in the chart, this one included. */
const MINUTES = 30;

/** Both by the primary key, which begins with the time: no session lives longer than $1 ms. */
const LIVE = `
SELECT count(*)::int AS sessions, count(DISTINCT user_id)::int AS users
FROM sessions
WHERE created_at > now() - $1::int * interval '1 ms' AND ended_at IS NULL AND expires_at > now()`;

/**
 * A rotation is no sign-in and no end: it begins a session and ends another in the same moment.
 * $1 the longest life of a session in ms, $2 minutes
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
    const [[live], minutes, { backlog, deadLetters }] = await Promise.all([
      this.database.query<{ sessions: number; users: number }[]>(LIVE, [MAX_LIFETIME]),
      this.database.query<Minute[]>(PER_MINUTE, [MAX_LIFETIME, MINUTES]),
      this.audit.health(),
    ]);
    return { ...live!, backlog, deadLetters, minutes };
  }
}
