import { beforeEach, describe, expect, it } from '@jest/globals';

import type { ForgottenEvent } from '../../../faults/checker/evidence.js';
import type { Damages, RedisLoss } from '../../../faults/checker/guarantees.js';
import { HistoryBuilder } from './history-builder.js';

let history: HistoryBuilder;

beforeEach(() => {
  history = new HistoryBuilder();
});

const kinds = (damages: Partial<Damages> = {}) => history.kinds(history.damaged(damages));

describe('the numbers of the events', () => {
  beforeEach(() => {
    for (const handle of ['00a', '00b', '00c']) history.create(handle);
  });

  it('a number that is neither recorded nor named is a lost event', () => {
    history.evidence.events[2]!.number = 5;
    expect(kinds()).toEqual(['lost']);
  });

  it('a number that comes twice is reported', () => {
    history.evidence.events[2]!.number = 2;
    expect(kinds()).toEqual(['lost']);
  });

  it('a gap in the numbers is allowed if an incident names all of it', () => {
    history.evidence.events[2]!.number = 5;
    const loss = { from: 1_000_000, to: 1_003_000, forgotten: [] };
    history.incident({ kind: 'number-gap', chain: 0, details: { from: 3, to: 4 } });
    expect(kinds({ postgresLosses: [loss] })).toEqual([]);
    history.evidence.incidents[0]!.details = { from: 3, to: 3 };
    expect(kinds({ postgresLosses: [loss] })).toEqual(['lost']);
  });

  it('the numbers may start again after an adoption only', () => {
    history.evidence.events[2]!.number = 1;
    const adoption = history.evidence.events[2]!.recordedAt - 1;
    const hold = {
      beganAt: adoption - 10,
      from: adoption - 10,
      to: adoption - 5,
      adoptedAt: adoption,
    };
    history.incident({ kind: 'adopted', recordedAt: adoption });
    expect(kinds({ holds: [hold] })).toEqual([]);
    history.evidence.incidents = [];
    expect(kinds({ holds: [hold] })).toEqual(['lost']);
  });
});

describe('incidents', () => {
  it.each(['rollback', 'number-gap', 'held', 'adopted', 'sessions-lost', 'repaired'])(
    'an incident of the kind %s is wrong if the campaign did nothing that explains it',
    (kind) => {
      history.create('00a');
      history.incident({ kind: 'bound' });
      history.incident({ kind, chain: 0, details: { from: 1, to: 1 } });
      expect(kinds()).toEqual(['wrong']);
    },
  );
});

describe('a Redis that goes back', () => {
  /** Between 1,001,000 and 1,003,000; it is back at 1,003,500. */
  const loss = (forgotten: ForgottenEvent[] = []): Partial<Damages> => {
    const redisLoss: RedisLoss = {
      kind: 'rollback',
      from: 1_001_000,
      at: 1_003_000,
      to: 1_003_500,
      buckets: new Set([0]),
      forgotten,
    };
    return { redisLosses: [redisLoss] };
  };
  const rolledBack = (from: number, to: number) =>
    history.incident({ kind: 'rollback', chain: 0, details: { from, to }, recordedAt: 1_003_600 });

  it('a start may vanish if it waited in the outbox', () => {
    history.create('00a');
    const forgotten = history.forgetRecords('00a');
    history.forget('00a');
    const { violations, losses } = history.check(history.damaged(loss(forgotten)));
    expect(violations).toEqual([]);
    expect(losses.starts).toBe(1);
    expect(kinds(loss())).toEqual(['lost']);
  });

  it('an end may be undone if it waited in the outbox', () => {
    history.create('00a');
    history.destroy('00a');
    const forgotten = history.forgetRecords('00a', 'destroyed');
    for (let n = 0; n < 3; n += 1) history.validate('00a', n > 0);
    history.evidence.live.push({ handle: '00a', userId: 'u', createdAt: 1_001_005 });
    history.evidence.expiryIndex.add('00a');
    expect(kinds(loss(forgotten))).toEqual([]);
    expect(kinds(loss())).toEqual(['lost', 'resurrected', 'lost']);
  });

  it('a recorded session may be declared lost if a rollback names its start', () => {
    history.create('00a');
    history.end('00a', { occurredAt: 1_004_000, reason: 'lost' });
    rolledBack(1, 1);
    expect(kinds(loss())).toEqual([]);
    history.evidence.incidents[0]!.details = { from: 2, to: 2 };
    expect(kinds(loss())).toEqual(['lost']);
  });

  it('what is lost while an earlier rollback is being mended is mended with it', () => {
    history.create('00a');
    history.end('00a', { occurredAt: 1_004_000, reason: 'lost' });
    rolledBack(1, 1);
    const [rollback] = history.evidence.incidents;
    rollback!.recordedAt = loss().redisLosses![0]!.at - 500;
    expect(kinds(loss())).not.toContain('lost');
    history.incident({
      kind: 'rollback-mended',
      chain: 0,
      details: {},
      recordedAt: rollback!.recordedAt + 100,
    });
    expect(kinds(loss())).toContain('lost');
  });

  it('an ended session may come back until the moment that an incident names', () => {
    history.create('00a');
    history.destroy('00a');
    for (let n = 0; n < 3; n += 1) history.validate('00a', n === 2);
    rolledBack(2, 2);
    const usableUntil = (at: number) => ({ usableUntil: new Date(at).toISOString() });
    expect(kinds(loss())).toEqual(['resurrected']);
    history.incident({
      kind: 'session-returned',
      chain: 0,
      handle: '00a',
      details: usableUntil(1_005_500),
      recordedAt: 1_006_000,
    });
    expect(kinds(loss())).toEqual([]);
    history.evidence.incidents[1]!.details = usableUntil(1_004_000);
    expect(kinds(loss())).toEqual(['resurrected']);
  });

  it('a session that came back may not be usable after the mending', () => {
    history.create('00a');
    history.destroy('00a');
    rolledBack(2, 2);
    history.incident({
      kind: 'session-returned',
      chain: 0,
      handle: '00a',
      details: { usableUntil: new Date(1_005_500).toISOString() },
      recordedAt: 1_006_000,
    });
    const [rollback] = loss().redisLosses!;
    const mended = (mendedAt: number) => ({ redisLosses: [{ ...rollback!, mendedAt }] });
    expect(kinds(mended(1_005_600))).toEqual([]);
    expect(kinds(mended(1_005_000))).toEqual(['resurrected']);
  });

  it('what a session that came back was rotated into must be ended', () => {
    history.create('00a');
    history.destroy('00a');
    const end = history.evidence.events.at(-1)!;
    for (let n = 0; n < 2; n += 1) history.validate('00a', false);
    const { startedAt } = history.rotate('00a', '00b');
    history.evidence.events = history.evidence.events.filter(
      ({ handle, event }) => handle === '00b' || event === 'created',
    );
    history.evidence.events.splice(1, 0, end);
    Object.assign(history.evidence.events[2]!, { seq: 3, number: 3 });
    const { occurredAt: endedAt, reason: endReason, actor: endedBy } = end;
    Object.assign(history.evidence.rows[0]!, { endedAt, endReason, endedBy });
    history.evidence.rows[1]!.endedBy = null;
    rolledBack(2, 2);
    history.incident({
      kind: 'session-returned',
      chain: 0,
      handle: '00a',
      details: { usableUntil: new Date(startedAt + 5).toISOString() },
      recordedAt: startedAt + 10,
    });
    expect(kinds(loss())).toEqual(['resurrected']);
    history.end('00b', { occurredAt: startedAt + 500, reason: 'resurrected' });
    expect(kinds(loss())).toEqual([]);
  });
});

describe('an emptied Redis', () => {
  const emptied = (forgotten: ForgottenEvent[] = []): Partial<Damages> => ({
    redisLosses: [
      {
        kind: 'emptied',
        from: 1_002_000,
        at: 1_002_000,
        to: 1_002_000,
        buckets: new Set([0]),
        forgotten,
      },
    ],
    holds: [{ beganAt: 1_002_000, from: 1_002_000, to: 1_003_000, adoptedAt: 1_003_200 }],
  });

  it('recorded sessions end as lost, once it is adopted', () => {
    history.create('00a');
    history.validate('00a', false);
    history.end('00a', { occurredAt: 1_003_100, reason: 'lost' });
    history.incident({ kind: 'adopted', recordedAt: 1_003_050 });
    expect(kinds(emptied())).toEqual([]);
  });

  it('nothing may be recorded while the ledger is held', () => {
    history.create('00a');
    history.create('00b');
    history.incident({ kind: 'adopted', recordedAt: 1_003_050 });
    history.end('00a', { occurredAt: 1_003_100, reason: 'lost' });
    expect(kinds(emptied())).toEqual(['wrong']);
    history.evidence.events[1]!.recordedAt = 1_003_100;
    expect(kinds(emptied())).toEqual([]);
  });
});

describe('a Postgres that goes back', () => {
  const postgresLosses = (forgotten: ForgottenEvent[]) => ({
    postgresLosses: [{ from: 1_000_000, to: 1_003_000, forgotten }],
  });
  const gap = (from: number, to: number) =>
    history.incident({ kind: 'number-gap', chain: 0, details: { from, to } });

  it('a live session must be recorded anew, with the times that it had', () => {
    history.create('00a');
    const [record] = history.evidence.events;
    const forgotten = [{ ...record!, userAgent: 'c0' }];
    Object.assign(record!, { reason: 'recovered', number: null });
    const { violations, losses } = history.check(history.damaged(postgresLosses(forgotten)));
    expect(violations).toEqual([]);
    expect(losses.recovered).toBe(1);
    for (const each of [record!, history.evidence.rows[0]!]) each.expiresAt += 1;
    expect(kinds(postgresLosses(forgotten))).toEqual(['wrong', 'wrong']);
  });

  it('an ended session may be missing if an incident has the numbers of its events', () => {
    history.create('00a');
    history.destroy('00a');
    history.create('00b');
    const forgotten = history.forgetRecords('00a');
    gap(1, 2);
    const { violations, losses } = history.check(history.damaged(postgresLosses(forgotten)));
    expect(violations).toEqual([]);
    expect(losses.named).toBe(2);
    history.evidence.incidents[0]!.details = { from: 1, to: 1 };
    expect(kinds(postgresLosses(forgotten))).toEqual(['lost', 'lost']);
  });

  it('an end that was forgotten becomes lost, at a later moment', () => {
    history.create('00a');
    history.destroy('00a');
    const forgotten = history.forgetRecords('00a', 'destroyed');
    history.validate('00a', false);
    history.end('00a', { occurredAt: 1_003_500, reason: 'lost' });
    history.evidence.events[1]!.number = 3;
    gap(2, 2);
    expect(kinds(postgresLosses(forgotten))).toEqual([]);
    expect(kinds(postgresLosses([]))).toContain('lost');
  });
});
