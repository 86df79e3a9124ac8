import type { Answer, Operation } from '../../../faults/application/protocol.js';
import type { Violation } from '../../../faults/checker/violation.js';
import { check, type Verdict } from '../../../faults/checker/check.js';
import type {
  EventRecord,
  Evidence,
  ForgottenEvent,
  IncidentRecord,
} from '../../../faults/checker/evidence.js';
import { noDamages, type Damages, type Guarantees } from '../../../faults/checker/guarantees.js';
import type { Call } from '../../../faults/history.js';

export const LIFETIME = 60_000;

const GUARANTEES: Guarantees = {
  idleTimeout: 0,
  maxSessionsPerUser: 0,
  overflow: 'evict-oldest',
  damages: noDamages(),
};

/** Builds a history: calls one second apart, and what Redis and Postgres hold in the end. */
export class HistoryBuilder {
  readonly calls: Call[] = [];
  readonly evidence: Evidence = {
    expiryIndex: new Set(),
    events: [],
    rows: [],
    incidents: [],
    numbers: [],
    chainBreaks: [],
    deadLetters: 0,
    live: [],
  };
  private now = 1_000_000;

  /** A call; its answer is null if the process died before it. */
  call(operation: Operation, answer: Answer | null): Call {
    this.now += 1_000;
    const startedAt = this.now;
    const endedAt = answer ? startedAt + 10 : null;
    const call = { n: this.calls.length, process: 'p', operation, startedAt, endedAt, answer };
    this.calls.push(call);
    return call;
  }

  /** A sign-in: answered by default, recorded, and live in Redis. */
  create(handle: string, { answered = true, userId = 'u' } = {}): Call {
    const createdAt = this.now + 1_005;
    const created = { id: `id of ${handle}`, handle, createdAt, expiresAt: createdAt + LIFETIME };
    const operation = { op: 'create', userId, marker: this.next(), lifetime: LIFETIME } as const;
    const call = this.call(operation, answered ? { ok: true, value: { created } } : null);
    this.record({ event: 'created', handle, occurredAt: createdAt });
    this.evidence.live.push({ handle, userId, createdAt });
    this.evidence.expiryIndex.add(handle);
    this.evidence.rows.push({
      handle,
      userId,
      createdAt,
      expiresAt: createdAt + LIFETIME,
      endedAt: null,
      endReason: null,
      endedBy: null,
      userAgent: operation.marker,
      beginRecorded: true,
    });
    return call;
  }

  /** A rotation: answered, done and recorded. */
  rotate(from: string, to: string): Call {
    const row = this.evidence.rows.find(({ handle }) => handle === from)!;
    const createdAt = this.now + 1_005;
    const created = { id: `id of ${to}`, handle: to, createdAt, expiresAt: row.expiresAt };
    const operation = { op: 'rotate', id: `id of ${from}`, handle: from } as const;
    const call = this.call(operation, { ok: true, value: { created } });
    this.end(from, { occurredAt: createdAt, reason: 'rotated' });
    const { expiresAt } = row; // a rotation keeps it
    this.record({
      event: 'created',
      handle: to,
      occurredAt: createdAt,
      reason: 'rotated',
      expiresAt,
    });
    this.evidence.live.push({ handle: to, userId: row.userId!, createdAt });
    this.evidence.expiryIndex.add(to);
    this.evidence.rows.push({ ...row, handle: to, createdAt, endedAt: null, endReason: null });
    return call;
  }

  /** A logout: answered, done and recorded. */
  destroy(handle: string): Call {
    const actor = this.next();
    const id = `id of ${handle}`;
    const call = this.call(
      { op: 'destroy', id, handle, actor },
      { ok: true, value: { done: true } },
    );
    this.end(handle, { occurredAt: this.now + 5, reason: 'logout', actor });
    return call;
  }

  /** The end of a session in Redis and in SQL. */
  end(handle: string, end: { occurredAt: number; reason: string; actor?: string }): void {
    const { occurredAt, reason, actor = null } = end;
    this.record({ event: 'destroyed', handle, ...end });
    const row = this.evidence.rows.find((each) => each.handle === handle);
    if (row) Object.assign(row, { endedAt: occurredAt, endReason: reason, endedBy: actor });
    this.forget(handle);
  }

  /** Removes it from Redis. */
  forget(handle: string): void {
    this.evidence.live = this.evidence.live.filter((each) => each.handle !== handle);
    this.evidence.expiryIndex.delete(handle);
  }

  validate(handle: string, live: boolean): Call {
    return this.call(
      { op: 'validate', id: `id of ${handle}`, handle },
      { ok: true, value: { live } },
    );
  }

  record(event: Pick<EventRecord, 'event' | 'handle' | 'occurredAt'> & Partial<EventRecord>): void {
    const { events } = this.evidence;
    const chain = Number.parseInt(event.handle.slice(0, 2), 16);
    const seq = events.filter((each) => each.chain === chain).length + 1;
    const first = events.find(({ handle }) => handle === event.handle);
    const sessionCreatedAt = first?.sessionCreatedAt ?? event.occurredAt;
    events.push({
      chain,
      seq,
      number: seq,
      recordedAt: event.occurredAt,
      sessionCreatedAt,
      expiresAt: sessionCreatedAt + LIFETIME,
      userId: 'u',
      reason: null,
      actor: null,
      ...event,
    });
  }

  incident(incident: Pick<IncidentRecord, 'kind'> & Partial<IncidentRecord>): void {
    const recordedAt = this.now + 500;
    this.evidence.incidents.push({
      chain: null,
      handle: null,
      number: null,
      details: {},
      recordedAt,
      ...incident,
    });
  }

  /** Takes a session's records out of the ledger, and returns them. */
  forgetRecords(handle: string, event?: EventRecord['event']): ForgottenEvent[] {
    const { events, rows } = this.evidence;
    const isGone = (each: EventRecord) =>
      each.handle === handle && (event === undefined || each.event === event);
    this.evidence.events = events.filter((each) => !isGone(each));
    const row = rows.find((each) => each.handle === handle)!;
    if (event === 'destroyed')
      Object.assign(row, { endedAt: null, endReason: null, endedBy: null });
    else this.evidence.rows = rows.filter((each) => each !== row);
    return events.filter(isGone).map((each) => ({ ...each, userAgent: row.userAgent }));
  }

  check(guarantees: Partial<Guarantees> = {}): Verdict {
    this.evidence.numbers = this.lastNumbers();
    return check(this.calls, this.evidence, { ...GUARANTEES, ...guarantees });
  }

  kinds(guarantees: Partial<Guarantees> = {}): Violation['kind'][] {
    return this.check(guarantees).violations.map(({ kind }) => kind);
  }

  damaged(damages: Partial<Damages>): Partial<Guarantees> {
    return { damages: { ...noDamages(), ...damages } };
  }

  /** As if every number that was given out was recorded. */
  private lastNumbers(): Evidence['numbers'] {
    const buckets = new Set(this.evidence.events.map(({ chain }) => chain));
    return [...buckets].map((bucket) => {
      const own = this.evidence.events.filter(({ chain }) => chain === bucket);
      const committed = own.findLast(({ number }) => number !== null)?.number ?? 0;
      return { bucket, committed, given: committed, isDamaged: false };
    });
  }

  /** The marker of the next call. */
  private next(): string {
    return `c${this.calls.length}`;
  }
}
