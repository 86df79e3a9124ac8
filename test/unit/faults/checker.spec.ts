import { beforeEach, describe, expect, it } from '@jest/globals';

import { LIFETIME, MadeHistory } from './made-history.js';

let made: MadeHistory;

beforeEach(() => {
  made = new MadeHistory();
});

describe('a correct history', () => {
  it('a correct history passes', () => {
    made.create('00a');
    made.validate('00a', true);
    made.destroy('00a');
    made.validate('00a', false);
    made.create('00b');
    expect(made.check().breaches).toEqual([]);
  });

  it('an unanswered call may have happened or not', () => {
    made.create('00a', { answered: false });
    made.call({ op: 'create', userId: 'u', marker: 'c1', lifetime: LIFETIME }, null);
    made.call({ op: 'destroy', id: 'id of 00a', handle: '00a', actor: 'c2' }, null);
    expect(made.kinds()).toEqual([]);
  });
});

describe('lost sessions', () => {
  it('a session is lost if its creation was answered but not recorded', () => {
    made.create('00a');
    Object.assign(made.evidence, { events: [], rows: [] });
    made.forget('00a');
    expect(made.kinds()).toEqual(['lost']);
  });

  it('a session is lost if its end was answered but not recorded', () => {
    made.create('00a');
    made.call(
      { op: 'destroy', id: 'id of 00a', handle: '00a', actor: 'c1' },
      { ok: true, value: { done: true } },
    );
    made.forget('00a');
    expect(made.kinds()).toEqual(['lost']);
  });

  it('a session is lost if a destroy-all ended it without a record', () => {
    made.create('00a');
    made.call({ op: 'destroyAll', userId: 'u', actor: 'c1' }, { ok: true, value: { done: true } });
    made.forget('00a');
    expect(made.kinds()).toEqual(['lost']);
  });

  it('a session is lost if it expired without a record', () => {
    made.create('00a', { answered: false });
    made.forget('00a');
    expect(made.kinds()).toEqual(['lost']);
  });

  it('a session is lost if it is live without a record', () => {
    made.create('00a', { answered: false });
    Object.assign(made.evidence, { events: [], rows: [] });
    expect(made.kinds()).toEqual(['lost']);
  });

  it('a session is lost if it was invalid before its end', () => {
    made.create('00a');
    made.validate('00a', false);
    made.destroy('00a');
    expect(made.kinds()).toEqual(['lost']);
  });

  it('a session is lost if it was declared lost although Redis lost nothing', () => {
    made.create('00a');
    made.end('00a', { occurredAt: 1_005_000, reason: 'lost' });
    expect(made.kinds()).toEqual(['lost']);
  });
});

describe('doubled sessions', () => {
  it('a session is doubled if it has two created events', () => {
    const { startedAt } = made.create('00a');
    made.record({ event: 'created', handle: '00a', occurredAt: startedAt + 6 });
    expect(made.kinds()).toEqual(['doubled']);
  });

  it('a session is doubled if it has two destroyed events', () => {
    made.create('00a');
    const { startedAt } = made.destroy('00a');
    made.record({
      event: 'destroyed',
      handle: '00a',
      occurredAt: startedAt + 6,
      reason: 'expired',
    });
    expect(made.kinds()).toEqual(['doubled']);
  });

  it('sessions are doubled if one call created two', () => {
    made.create('00a', { answered: false });
    made.create('00b', { answered: false });
    made.evidence.rows[1]!.userAgent = made.evidence.rows[0]!.userAgent;
    expect(made.kinds()).toEqual(['doubled', 'doubled']);
  });
});

describe('phantom sessions', () => {
  it('a session is a phantom if no call created it', () => {
    made.create('00a', { answered: false });
    made.evidence.rows[0]!.userAgent = 'unknown';
    expect(made.kinds()).toEqual(['phantom']);
  });

  it('a session is a phantom if a rejected call created it', () => {
    const call = made.create('00a', { answered: false });
    Object.assign(call, {
      endedAt: call.startedAt + 10,
      answer: { ok: false, code: 'ERR_SESSION_LIMIT', message: '' },
    });
    expect(made.kinds()).toEqual(['phantom']);
  });

  it('a session is a phantom if no call ended it', () => {
    made.create('00a');
    made.end('00a', { occurredAt: 1_002_000, reason: 'logout', actor: 'c0' });
    expect(made.kinds()).toEqual(['phantom']);
  });
});

describe('resurrected sessions', () => {
  it('a session is resurrected if it was valid after its answered end', () => {
    made.create('00a');
    made.destroy('00a');
    made.validate('00a', true);
    expect(made.kinds()).toEqual(['resurrected']);
  });

  it('a session is resurrected if it was valid after its recorded end', () => {
    const { startedAt } = made.create('00a');
    made.end('00a', { occurredAt: startedAt + 5 + LIFETIME, reason: 'expired' });
    for (let seconds = 0; seconds < 61; seconds += 1) made.validate('00b', false);
    made.validate('00a', true);
    expect(made.kinds()).toEqual(['resurrected']);
  });

  it('a session is resurrected if Redis still has it after its recorded end', () => {
    const { startedAt } = made.create('00a');
    made.destroy('00a');
    made.evidence.live.push({ handle: '00a', userId: 'u', createdAt: startedAt + 5 });
    made.evidence.due.add('00a');
    expect(made.kinds()).toEqual(['resurrected']);
  });
});

describe('other violations', () => {
  it('a broken chain is reported', () => {
    made.evidence.chainBreaks.push('chain 0: row 3 leaves a gap');
    expect(made.kinds()).toEqual(['chain']);
  });

  it('a row that contradicts its events is reported', () => {
    made.create('00a');
    made.destroy('00a');
    made.evidence.rows[0]!.endReason = 'expired';
    expect(made.kinds()).toEqual(['wrong']);
  });

  it('an end that was rejected is reported', () => {
    made.create('00a');
    made.call(
      { op: 'destroy', id: 'id of 00a', handle: '00a', actor: 'c1' },
      { ok: false, code: 'ERR_SESSION_REDIS_FULL', message: '' },
    );
    expect(made.kinds()).toEqual(['wrong']);
  });

  it('an absolute expiry other than the requested one is reported', () => {
    made.create('00a', { answered: false });
    for (const each of [...made.evidence.events, ...made.evidence.rows])
      each.expiresAt += 3_600_000;
    expect(made.kinds()).toEqual(['wrong']);
  });
});

describe('a failover of asynchronous replication', () => {
  const failover = { lossWindows: [{ from: 1_000_000, to: 1_010_000, buckets: new Set([0]) }] };

  it('a failover may lose a created session, which is counted', () => {
    made.create('00a');
    Object.assign(made.evidence, { events: [], rows: [] });
    made.forget('00a');
    const { breaches, losses } = made.check(failover);
    expect(breaches).toEqual([]);
    expect(losses.beginnings).toBe(1);
  });

  it('a failover may undo an end, which is counted', () => {
    made.create('00a');
    made.call(
      { op: 'destroy', id: 'id of 00a', handle: '00a', actor: 'c1' },
      { ok: true, value: { done: true } },
    );
    const { breaches, losses } = made.check(failover);
    expect(breaches).toEqual([]);
    expect(losses.ends).toBe(1);
  });

  it('a failover may undo the end of a session that is rotated later', () => {
    made.create('00a'); // within the window, like its end
    made.call({ op: 'destroyAll', userId: 'u', actor: 'c1' }, { ok: true, value: { done: true } });
    for (let n = 0; n < 10; n += 1) made.validate('00a', true);
    made.rotate('00a', '00b');
    made.rotate('00b', '00c');
    const { breaches, losses } = made.check(failover);
    expect(breaches).toEqual([]);
    expect(losses.ends).toBe(3); // one for each session of the rotated sign-in
  });

  it.each([
    [
      'double an end',
      'doubled',
      () => {
        made.create('00a');
        made.destroy('00a');
        made.record({ event: 'destroyed', handle: '00a', occurredAt: 1_002_006, reason: 'lost' });
      },
    ],
    [
      'leave a live session without a record',
      'lost',
      () => {
        made.create('00a');
        Object.assign(made.evidence, { events: [], rows: [] });
      },
    ],
    [
      'leave a lost session open',
      'lost',
      () => {
        made.create('00a');
        made.forget('00a');
      },
    ],
    [
      'leave a session live whose end is recorded',
      'resurrected',
      () => {
        made.create('00a');
        made.destroy('00a');
        made.evidence.live.push({ handle: '00a', userId: 'u', createdAt: 1_001_005 });
      },
    ],
  ])('a failover may not %s', (_, kind, make) => {
    make();
    expect(made.kinds(failover)).toEqual([kind]);
  });

  it('a failover excuses nothing in other buckets or at other times', () => {
    made.create('01a');
    made.destroy('01a');
    made.validate('01a', true);
    expect(made.kinds(failover)).toEqual(['resurrected']);
  });
});
