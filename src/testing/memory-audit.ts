import type { DeadLetter, RedriveReport } from '../audit/drain/dead-letters.js';
import { newAuditState, type ReconcileReport } from '../audit/reconcile/audit-state.js';
import type { RecordedSession, SessionPage } from '../audit/queries/history.js';
import {
  checkMoment,
  checkPage,
  checkRange,
  checkRows,
  parseCursor,
  type PageRequest,
  type VerifyRange,
  unknownChain,
} from '../audit/queries/input.js';
import type { VerifyReport } from '../audit/queries/verifier.js';
import { checkUserIdType, type UserIdType } from '../audit/postgres/user-id.js';
import type { Incident } from '../audit/guard/incidents.js';
import type {
  AdoptReport,
  BucketBacklog,
  FlushReport,
  LedgerHealth,
  SessionAudit,
} from '../audit/session-audit.js';
import type { MemoryEvent, MemorySessions } from './memory-sessions.js';

/** The ledger ID of a trail in memory. */
const LEDGER = '00000000-0000-4000-8000-000000000000';

/** A session of the trail, with the number that stands for the ID of its row. */
type Row = RecordedSession & { id: number };

/**
 * A `SessionAudit` over the events in memory. They are recorded as soon as they happen, so there is
 * nothing to flush, to repair or to report.
 */
export class MemoryAudit implements Pick<SessionAudit, keyof SessionAudit> {
  constructor(
    private readonly sessions: MemorySessions,
    private readonly buckets: number,
    private readonly userIdType: UserIdType,
  ) {}

  /** Sessions present and past, in the order in which they were created. */
  recorded(): RecordedSession[] {
    return this.rows().map(withoutId);
  }

  async history(userId: string, page?: PageRequest): Promise<SessionPage> {
    const id = checkUserIdType(userId, this.userIdType);
    return pageOf(page, () => this.rows().filter((row) => row.userId === id));
  }

  async activeAt(moment: Date, page?: PageRequest): Promise<SessionPage> {
    const at = checkMoment(moment).getTime();
    return pageOf(page, () =>
      this.rows().filter(
        ({ createdAt, endedAt, expiresAt }) =>
          createdAt.getTime() <= at && (endedAt ?? expiresAt).getTime() > at,
      ),
    );
  }

  async flush(): Promise<FlushReport> {
    return { recorded: 0, deadLettered: 0 };
  }

  async verify(range?: VerifyRange): Promise<VerifyReport> {
    const { chain = 0 } = checkRange(range);
    if (chain < 0 || chain > 255) throw unknownChain(chain);
    return { valid: true, rows: String(this.sessions.events.length), breaks: [] };
  }

  async backlog(): Promise<BucketBacklog[]> {
    this.sessions.enter();
    return Array.from({ length: this.buckets }, (_, bucket) => ({
      bucket,
      events: 0,
      oldestAge: null,
    }));
  }

  async deadLetters(page?: { after?: string; limit?: number }): Promise<DeadLetter[]> {
    checkRows(page, 'after');
    return [];
  }

  async redrive(): Promise<RedriveReport> {
    return { recorded: 0, refused: [] };
  }

  async incidents(page?: { before?: string; limit?: number }): Promise<Incident[]> {
    checkRows(page, 'before');
    return [];
  }

  async adopt(): Promise<AdoptReport> {
    return { ledger: LEDGER, adopted: false, ...newAuditState().report };
  }

  async reconcile(): Promise<ReconcileReport> {
    this.sessions.enter();
    this.sessions.sweep();
    return { ...newAuditState().report, checked: this.sessions.live.size };
  }

  async health(): Promise<LedgerHealth> {
    this.sessions.enter();
    return {
      backlog: 0,
      oldestAge: 0,
      deadLetters: 0,
      missingPartitions: 0,
      binding: 'bound',
      recentIncidents: 0,
      auditedAt: null,
    };
  }

  private rows(): Row[] {
    this.sessions.sweep();
    const rows = new Map<string, Row>();
    this.sessions.events.forEach((event, id) => {
      const row = rows.get(event.handle);
      if (row) addEnd(row, event);
      else rows.set(event.handle, toRow(event, id));
    });
    return [...rows.values()];
  }
}

function toRow(created: MemoryEvent, id: number): Row {
  return {
    id,
    handle: created.handle,
    userId: created.userId,
    createdAt: new Date(created.createdAt),
    expiresAt: new Date(created.expiresAt),
    endedAt: null,
    endReason: null,
    endedBy: null,
    ip: created.ip || null,
    userAgent: created.userAgent || null,
  };
}

function addEnd(row: Row, { occurredAt, reason, actor }: MemoryEvent): void {
  row.endedAt = new Date(occurredAt);
  row.endReason = reason || null;
  row.endedBy = actor || null;
}

/** A page of the rows, newest first. */
function pageOf(page: PageRequest | undefined, read: () => Row[]): SessionPage {
  const { after, limit } = checkPage(page);
  const last = after === undefined ? null : parseCursor(after);
  const rows = read()
    .filter((row) => !last || compare(row, { ...last, id: Number(last.id) }) < 0)
    .toSorted((a, b) => compare(b, a))
    .slice(0, limit);
  const end = rows.at(-1);
  const next = end && rows.length === limit ? `${end.createdAt.getTime()}_${end.id}` : null;
  return { sessions: rows.map(withoutId), next };
}

function compare(a: { createdAt: Date; id: number }, b: { createdAt: Date; id: number }): number {
  return a.createdAt.getTime() - b.createdAt.getTime() || a.id - b.id;
}

function withoutId({ id: _id, ...session }: Row): RecordedSession {
  return session;
}
