import type { Buckets } from '../../store/buckets.js';
import type { KeyAudit, KeyPage, UserSetMembers } from '../../store/key-audit.js';
import { formatHandle, type ExpiryMember } from '../../store/session-id.js';
import type { SessionUpkeep } from '../../store/session-upkeep.js';
import type { Incidents, NewIncident } from '../guard/incidents.js';
import type { AuditRun } from './audit-run.js';
import type { AuditPosition } from './audit-state.js';
import type { Recovery } from './recovery.js';

type IndexPosition = Extract<AuditPosition, { phase: 'index' }>;
type KeysPosition = Extract<AuditPosition, { phase: 'keys' }>;

/** Sessions that an incident names, if it is about several. */
const MAX_NAMED = 20;

export interface LiveSessionsParts {
  buckets: Buckets;
  upkeep: SessionUpkeep;
  keys: KeyAudit;
  recovery: Recovery;
  incidents: Incidents;
}

/**
 * Compares what Redis has with SQL, and with itself: a live session must be open in SQL, in the
 * expiry index and in its user's set.
 *
 * The indexes lead to all sessions unless an index has lost some. So it goes through all keys as
 * well, and looks for records that the indexes don't have, and for members that stand for no record.
 */
export class LiveSessions {
  constructor(private readonly parts: LiveSessionsParts) {}

  /** Checks a page of an expiry index. */
  async checkIndex(run: AuditRun, position: IndexPosition): Promise<NewIncident[]> {
    const { bucket, cursor, server } = position;
    let next: IndexPosition | null = null;
    let seen = 0;
    await run.onBucket(bucket, async () => {
      const page = await this.parts.keys.scanIndex(bucket, cursor, server);
      await this.check(run, bucket, page.members);
      seen = page.members.length;
      if (page.cursor !== '0') next = { ...position, cursor: page.cursor, server: page.server };
    });
    run.state.seen += seen;
    run.state.position = next ?? this.afterBucket(bucket);
    return [];
  }

  /** Checks a page of a server's keys. */
  async checkKeys(run: AuditRun, position: KeysPosition): Promise<NewIncident[]> {
    const found = await this.nextKeys(run, position);
    if (!found) {
      run.state.position = { phase: 'done' };
      return [];
    }
    const { server, page } = found;
    await run.onBuckets(page.records, (bucket, digests) => this.checkRecords(run, bucket, digests));
    await run.onBuckets(page.users, (bucket, users) => this.checkUserSets(run, bucket, users));
    for (const digests of page.records.values()) run.state.seen += digests.length;
    run.state.position =
      page.cursor === '0'
        ? { phase: 'keys', done: [...position.done, server], cursor: '0', server: '' }
        : { ...position, cursor: page.cursor, server };
    return [];
  }

  private afterBucket(bucket: number): AuditPosition {
    if (bucket + 1 < this.parts.buckets.count) {
      return { phase: 'index', bucket: bucket + 1, cursor: '0', server: '' };
    }
    return { phase: 'keys', done: [], cursor: '0', server: '' };
  }

  /** The next page of keys; null if all servers are done, or the others don't answer. */
  private async nextKeys(
    run: AuditRun,
    position: KeysPosition,
  ): Promise<{ server: string; page: KeyPage } | null> {
    try {
      return await run.attempt(async () => {
        const next = await this.nextServer(position);
        if (!next) return null;
        // A cursor is valid only on the server that gave it.
        const cursor = next.id === position.server ? position.cursor : '0';
        return { server: next.id, page: await this.parts.keys.scanKeys(next.server, cursor) };
      });
    } catch (error) {
      run.leaveOut(error);
      return null;
    }
  }

  private async nextServer({ done, server: current }: KeysPosition) {
    const { keys } = this.parts;
    const asked = await Promise.allSettled(
      keys.servers().map(async (server) => ({ server, id: await keys.runIdOf(server) })),
    );
    const left = asked.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
    const open = left.filter(({ id }) => !done.includes(id));
    if (open.length > 0) return open.find(({ id }) => id === current) ?? open[0]!;
    const failed = asked.find((each) => each.status === 'rejected');
    if (failed) throw failed.reason;
    return null;
  }

  /** Looks for records that are not in the expiry index. */
  private async checkRecords(run: AuditRun, bucket: number, digests: string[]): Promise<void> {
    const records = digests.map((digest) => ({ digest, userId: '' }));
    const wrong = await this.parts.keys.checkSessions(bucket, 'find', records);
    if (wrong.length > 0) await this.check(run, bucket, wrong);
  }

  private async check(run: AuditRun, bucket: number, sessions: ExpiryMember[]): Promise<void> {
    if (sessions.length === 0) return;
    // First, so that what has to end again is in the index, and its end leaves a record.
    await this.repair(run, bucket, sessions);
    await this.endAgain(run, bucket, sessions);
    const recovered = await this.parts.recovery.recover(bucket, sessions);
    if (recovered.length === 0) return;
    run.state.report.recovered += recovered.length;
    await this.parts.incidents.recordAlone(repaired(bucket, 'recovered', recovered));
  }

  private async repair(run: AuditRun, bucket: number, sessions: ExpiryMember[]): Promise<void> {
    const { keys, incidents } = this.parts;
    const wrong = await keys.checkSessions(bucket, 'find', sessions);
    for (const missingIn of ['expiry-index', 'user-set', 'both'] as const) {
      const group = wrong.filter((session) => session.missingIn === missingIn);
      if (group.length === 0) continue;
      // Before the repair: if the process dies in between, there is one incident too many.
      await incidents.recordAlone(repaired(bucket, missingIn, handlesOf(bucket, group)));
      const fixed = await keys.checkSessions(bucket, 'repair', group);
      run.state.report.repaired += fixed.length;
    }
  }

  /** Ends the sessions that are over in SQL: Redis has lost the fact that it ended them. */
  private async endAgain(run: AuditRun, bucket: number, sessions: ExpiryMember[]): Promise<void> {
    const { buckets, recovery, upkeep } = this.parts;
    const known = await recovery.lookUp(bucket, sessions);
    const over = sessions.filter((_, i) => known[i]?.ended).map(({ digest }) => digest);
    if (over.length === 0) return;
    // Most of them have ended since their page was read.
    const alive = await buckets.areAlive(bucket, over);
    const back = over.filter((_, i) => alive[i]);
    await Promise.all(
      back.map(async (digest) => {
        await upkeep.endAgain({ bucket, digest });
        run.state.report.resurrected += 1;
      }),
    );
  }

  private async checkUserSets(run: AuditRun, bucket: number, users: string[]): Promise<void> {
    const found = await this.parts.keys.withoutRecord(bucket, users);
    if (found.length === 0) return;
    // Sessions that have just expired have no record either. The sweep takes them out of the sets.
    const sweptUntil = await this.parts.buckets.readTime(bucket);
    await this.parts.upkeep.sweepBucket(bucket);
    for (const set of found) await this.cleanUserSet(run, bucket, { ...set, sweptUntil });
  }

  private async cleanUserSet(
    run: AuditRun,
    bucket: number,
    set: UserSetMembers & { sweptUntil: number },
  ): Promise<void> {
    const { keys, incidents } = this.parts;
    const digests = await keys.checkUserSet(bucket, 'find', set);
    if (digests.length === 0) return;
    const handles = digests.map((digest) => formatHandle({ bucket, digest }));
    await incidents.recordAlone(repaired(bucket, 'stale-member', handles));
    const removed = await keys.checkUserSet(bucket, 'repair', { ...set, digests });
    run.state.report.repaired += removed.length;
  }
}

function handlesOf(bucket: number, sessions: ExpiryMember[]): string[] {
  return sessions.map(({ digest }) => formatHandle({ bucket, digest }));
}

/** What was wrong in Redis, or missing in SQL, and is put right. */
function repaired(chain: number, what: string, handles: string[]): NewIncident {
  const sessions = handles.length;
  if (sessions === 1) return { kind: 'repaired', chain, handle: handles[0]!, details: { what } };
  const named = handles.slice(0, MAX_NAMED).join(' ');
  return { kind: 'repaired', chain, details: { what, sessions, named } };
}
