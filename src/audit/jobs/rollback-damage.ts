import type { Buckets } from '../../store/buckets.js';
import { formatHandle, parseHandle } from '../../store/session-id.js';
import type { SessionUpkeep } from '../../store/session-upkeep.js';
import type { Drain } from '../drain/drain.js';
import { findKnownSessions, type KnownSession } from '../drain/session-rows.js';
import type { LedgerDatabase } from '../postgres/connection.js';
import type { LedgerTables } from '../postgres/schema.js';
import { affectedSessions, type AffectedSession } from './affected-sessions.js';

const PAGE = 500;

/** What a rollback has done to a bucket's sessions. */
export interface RollbackDamage {
  /** Open in SQL, and gone in Redis. */
  lost: AffectedSession[];
  /** How many sessions had come back, and are ended again. */
  endedAgain: number;
}

export interface DamageAssessorParts {
  buckets: Buckets;
  database: LedgerDatabase;
  tables: LedgerTables;
  upkeep: SessionUpkeep;
  drain: Drain;
}

/** Finds out what a rollback has done, and ends what has come back. It can be repeated. */
export class DamageAssessor {
  constructor(private readonly parts: DamageAssessorParts) {}

  /** @param mendFrom the first number that Redis has lost */
  async assess(bucket: number, mendFrom: number): Promise<RollbackDamage> {
    const { buckets, database, tables, upkeep, drain } = this.parts;
    const damage: RollbackDamage = { lost: [], endedAgain: 0 };
    for await (const page of affectedSessions(database, tables, bucket, mendFrom)) {
      const alive = await buckets.areAlive(bucket, digestsOf(page));
      const back = page.filter(({ isOpen }, i) => !isOpen && alive[i]);
      await Promise.all(back.map(({ digest }) => upkeep.endAgain({ bucket, digest })));
      damage.endedAgain += back.length;
      damage.lost.push(...page.filter(({ isOpen }, i) => isOpen && !alive[i]));
    }
    // Whatever ended before Redis was asked has its end in SQL from here on.
    await upkeep.sweepBucket(bucket);
    await drain.drainBucket(bucket, { wait: true });
    damage.endedAgain += await this.endHeirs(bucket);
    const lost = damage.lost.splice(0);
    while (lost.length > 0) {
      damage.lost.push(...(await this.withoutEnded(bucket, lost.splice(-PAGE))));
    }
    return damage;
  }

  private async withoutEnded(
    bucket: number,
    sessions: AffectedSession[],
  ): Promise<AffectedSession[]> {
    const { database, tables } = this.parts;
    const handles = sessions.map(({ digest }) => formatHandle({ bucket, digest }));
    const times = sessions.map(({ createdAt }) => createdAt);
    const known = await database.transaction<KnownSession[]>((runner) =>
      runner.query(findKnownSessions(tables), [handles, times]),
    );
    const ended = new Set(known.filter((row) => row.ended).map(({ token }) => token));
    return sessions.filter((_, i) => !ended.has(handles[i]!));
  }

  /**
   * Ends the sessions that a rotation made of one that had come back: their IDs are no better than
   * its ID. Until all of them are ended, clients may rotate them again.
   */
  private async endHeirs(bucket: number): Promise<number> {
    const { buckets, upkeep, drain } = this.parts;
    for (let ended = 0; ;) {
      const digests = await this.openHeirs(bucket);
      const alive = await buckets.areAlive(bucket, digests);
      const heirs = digests.filter((_, i) => alive[i]);
      if (heirs.length === 0) return ended;
      await Promise.all(heirs.map((digest) => upkeep.endAgain({ bucket, digest })));
      await drain.drainBucket(bucket, { wait: true });
      ended += heirs.length;
    }
  }

  private async openHeirs(bucket: number): Promise<string[]> {
    const { database, tables } = this.parts;
    const rows = await database.query<{ token: string }>(listOpenHeirs(tables), [bucket]);
    return rows.flatMap(({ token }) => parseHandle(token, 256)?.digest ?? []);
  }
}

function digestsOf(sessions: AffectedSession[]): string[] {
  return sessions.map(({ digest }) => digest);
}

/**
 * The open sessions that descend, by rotation, from those that came back since the chain was last
 * mended. A rotation ends the old session and creates the new one at the same moment; of a session
 * that came back, the end was recorded before, so the moment is in its incident. A sign-in of the
 * same user may have the same moment: the event of a rotation says that it is one.
 *
 * $1 chain
 */
const listOpenHeirs = (t: LedgerTables): string => `
WITH RECURSIVE heirs AS (
  SELECT heir.token, heir.user_id, heir.ended_at, heir.end_reason
  FROM ${t.incidents} i
  JOIN ${t.sessions} back ON back.token = i.token
  JOIN ${t.sessions} heir
    ON heir.user_id = back.user_id
    AND heir.created_at = (i.details::json ->> 'usableUntil')::timestamptz
  WHERE i.chain = $1 AND i.kind = 'session-returned' AND ${isRotation(t)}
    AND i.details::json ->> 'secondEndReason' = 'rotated'
    AND i.seq > (
      SELECT coalesce(max(seq), 0) FROM ${t.incidents} WHERE chain = $1 AND kind = 'rollback-mended'
    )
  UNION
  SELECT heir.token, heir.user_id, heir.ended_at, heir.end_reason
  FROM heirs
  JOIN ${t.sessions} heir ON heir.user_id = heirs.user_id AND heir.created_at = heirs.ended_at
  WHERE heirs.end_reason = 'rotated' AND ${isRotation(t)}
)
SELECT token FROM heirs WHERE ended_at IS NULL`;

/** Whether `heir` was created by a rotation, by the BRIN index on the time. */
const isRotation = (t: LedgerTables): string => `EXISTS (
  SELECT FROM ${t.events} e
  WHERE e.chain = $1 AND e.occurred_at = heir.created_at AND e.token = heir.token
    AND e.event = 'created' AND e.reason = 'rotated')`;
