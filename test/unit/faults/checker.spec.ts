import { beforeEach, describe, expect, it } from '@jest/globals';

import { noDamages, type Guarantees } from '../../../faults/checker/guarantees.js';
import { LIFETIME, HistoryBuilder } from './history-builder.js';

let history: HistoryBuilder;

beforeEach(() => {
  history = new HistoryBuilder();
});

describe('a correct history', () => {
  it('a correct history passes', () => {
    history.create('00a');
    history.validate('00a', true);
    history.destroy('00a');
    history.validate('00a', false);
    history.create('00b');
    expect(history.check().violations).toEqual([]);
  });

  it('an unanswered call may have happened or not', () => {
    history.create('00a', { answered: false });
    history.call({ op: 'create', userId: 'u', marker: 'c1', lifetime: LIFETIME }, null);
    history.call({ op: 'destroy', id: 'id of 00a', handle: '00a', actor: 'c2' }, null);
    expect(history.kinds()).toEqual([]);
  });
});

describe('lost sessions', () => {
  it('a session is lost if its creation was answered but not recorded', () => {
    history.create('00a');
    Object.assign(history.evidence, { events: [], rows: [] });
    history.forget('00a');
    expect(history.kinds()).toEqual(['lost']);
  });

  it('a session is lost if its end was answered but not recorded', () => {
    history.create('00a');
    history.call(
      { op: 'destroy', id: 'id of 00a', handle: '00a', actor: 'c1' },
      { ok: true, value: { done: true } },
    );
    history.forget('00a');
    expect(history.kinds()).toEqual(['lost']);
  });

  it('a session is lost if a destroy-all ended it without a record', () => {
    history.create('00a');
    history.call(
      { op: 'destroyAll', userId: 'u', actor: 'c1' },
      { ok: true, value: { done: true } },
    );
    history.forget('00a');
    expect(history.kinds()).toEqual(['lost']);
  });

  it('a session is lost if it expired without a record', () => {
    history.create('00a', { answered: false });
    history.forget('00a');
    expect(history.kinds()).toEqual(['lost']);
  });

  it('a session is lost if it is live without a record', () => {
    history.create('00a', { answered: false });
    Object.assign(history.evidence, { events: [], rows: [] });
    expect(history.kinds()).toEqual(['lost']);
  });

  it('a session is lost if it was invalid before its end', () => {
    history.create('00a');
    history.validate('00a', false);
    history.destroy('00a');
    expect(history.kinds()).toEqual(['lost']);
  });

  it('a session is lost if it was declared lost although Redis lost nothing', () => {
    history.create('00a');
    history.end('00a', { occurredAt: 1_005_000, reason: 'lost' });
    expect(history.kinds()).toEqual(['lost']);
  });
});

describe('doubled sessions', () => {
  it('a session is doubled if it has two created events', () => {
    const { startedAt } = history.create('00a');
    history.record({ event: 'created', handle: '00a', occurredAt: startedAt + 6 });
    expect(history.kinds()).toEqual(['doubled']);
  });

  it('a session is doubled if it has two destroyed events', () => {
    history.create('00a');
    const { startedAt } = history.destroy('00a');
    history.record({
      event: 'destroyed',
      handle: '00a',
      occurredAt: startedAt + 6,
      reason: 'expired',
    });
    expect(history.kinds()).toEqual(['doubled']);
  });

  it('sessions are doubled if one call created two', () => {
    history.create('00a', { answered: false });
    history.create('00b', { answered: false });
    history.evidence.rows[1]!.userAgent = history.evidence.rows[0]!.userAgent;
    expect(history.kinds()).toEqual(['doubled', 'doubled']);
  });
});

describe('phantom sessions', () => {
  it('a session is a phantom if no call created it', () => {
    history.create('00a', { answered: false });
    history.evidence.rows[0]!.userAgent = 'unknown';
    expect(history.kinds()).toEqual(['phantom']);
  });

  it('a session is a phantom if a rejected call created it', () => {
    const call = history.create('00a', { answered: false });
    Object.assign(call, {
      endedAt: call.startedAt + 10,
      answer: { ok: false, code: 'ERR_SESSION_LIMIT', message: '' },
    });
    expect(history.kinds()).toEqual(['phantom']);
  });

  it('a session is a phantom if no call ended it', () => {
    history.create('00a');
    history.end('00a', { occurredAt: 1_002_000, reason: 'logout', actor: 'c0' });
    expect(history.kinds()).toEqual(['phantom']);
  });
});

describe('resurrected sessions', () => {
  it('a session is resurrected if it was valid after its answered end', () => {
    history.create('00a');
    history.destroy('00a');
    history.validate('00a', true);
    expect(history.kinds()).toEqual(['resurrected']);
  });

  it('a session is resurrected if it was valid after its recorded end', () => {
    const { startedAt } = history.create('00a');
    history.end('00a', { occurredAt: startedAt + 5 + LIFETIME, reason: 'expired' });
    for (let seconds = 0; seconds < 61; seconds += 1) history.validate('00b', false);
    history.validate('00a', true);
    expect(history.kinds()).toEqual(['resurrected']);
  });

  it('a session is resurrected if Redis still has it after its recorded end', () => {
    const { startedAt } = history.create('00a');
    history.destroy('00a');
    history.evidence.live.push({ handle: '00a', userId: 'u', createdAt: startedAt + 5 });
    history.evidence.expiryIndex.add('00a');
    expect(history.kinds()).toEqual(['resurrected']);
  });
});

describe('other violations', () => {
  it('a broken chain is reported', () => {
    history.evidence.chainBreaks.push('chain 0: row 3 leaves a gap');
    expect(history.kinds()).toEqual(['chain']);
  });

  it('a row that contradicts its events is reported', () => {
    history.create('00a');
    history.destroy('00a');
    history.evidence.rows[0]!.endReason = 'expired';
    expect(history.kinds()).toEqual(['wrong']);
  });

  it('an end that was rejected is reported', () => {
    history.create('00a');
    history.call(
      { op: 'destroy', id: 'id of 00a', handle: '00a', actor: 'c1' },
      { ok: false, code: 'ERR_SESSION_REDIS_FULL', message: '' },
    );
    expect(history.kinds()).toEqual(['wrong']);
  });

  it('an absolute expiry other than the requested one is reported', () => {
    history.create('00a', { answered: false });
    for (const each of [...history.evidence.events, ...history.evidence.rows])
      each.expiresAt += 3_600_000;
    expect(history.kinds()).toEqual(['wrong']);
  });
});

describe('a failover of asynchronous replication', () => {
  const failover: Partial<Guarantees> = {
    damages: {
      ...noDamages(),
      redisLosses: [
        {
          kind: 'failover',
          from: 1_000_000,
          at: 1_000_000,
          to: 1_010_000,
          buckets: new Set([0]),
          forgotten: null,
        },
      ],
    },
  };

  const withIdleTimeout = { ...failover, idleTimeout: 4_000 };
  /** The expiry of the first session, which was never used. */
  const idledOut = () => {
    const { createdAt } = history.evidence.rows[0]!;
    return { reason: 'expired', occurredAt: createdAt + withIdleTimeout.idleTimeout };
  };

  it('a failover may lose a created session, which is counted', () => {
    history.create('00a');
    Object.assign(history.evidence, { events: [], rows: [] });
    history.forget('00a');
    const { violations, losses } = history.check(failover);
    expect(violations).toEqual([]);
    expect(losses.starts).toBe(1);
  });

  it('a failover may undo an end, which is counted', () => {
    history.create('00a');
    history.call(
      { op: 'destroy', id: 'id of 00a', handle: '00a', actor: 'c1' },
      { ok: true, value: { done: true } },
    );
    const { violations, losses } = history.check(failover);
    expect(violations).toEqual([]);
    expect(losses.ends).toBe(1);
  });

  it('a failover may undo the end of a session that expires before it is over', () => {
    history.create('00a');
    history.call(
      { op: 'destroy', id: 'id of 00a', handle: '00a', actor: 'c1' },
      { ok: true, value: { done: true } },
    );
    history.validate('00a', false);
    history.end('00a', idledOut());
    expect(history.check(withIdleTimeout).violations).toEqual([]);
  });

  it('a failover excuses no absence before an expiry that nothing else explains', () => {
    history.create('00a');
    history.validate('00a', false);
    history.end('00a', idledOut());
    expect(history.check(withIdleTimeout).violations).toMatchObject([{ kind: 'lost' }]);
  });

  it('a failover may undo the end of a session that is rotated later', () => {
    history.create('00a'); // within the window, like its end
    history.call(
      { op: 'destroyAll', userId: 'u', actor: 'c1' },
      { ok: true, value: { done: true } },
    );
    for (let n = 0; n < 10; n += 1) history.validate('00a', true);
    history.rotate('00a', '00b');
    history.rotate('00b', '00c');
    const { violations, losses } = history.check(failover);
    expect(violations).toEqual([]);
    expect(losses.ends).toBe(1);
  });

  it.each([
    [
      'double an end',
      'doubled',
      () => {
        history.create('00a');
        history.destroy('00a');
        history.record({
          event: 'destroyed',
          handle: '00a',
          occurredAt: 1_002_006,
          reason: 'lost',
        });
      },
    ],
    [
      'leave a live session without a record',
      'lost',
      () => {
        history.create('00a');
        Object.assign(history.evidence, { events: [], rows: [] });
      },
    ],
    [
      'leave a lost session open',
      'lost',
      () => {
        history.create('00a');
        history.forget('00a');
      },
    ],
    [
      'leave a session live whose end is recorded',
      'resurrected',
      () => {
        history.create('00a');
        history.destroy('00a');
        history.evidence.live.push({ handle: '00a', userId: 'u', createdAt: 1_001_005 });
      },
    ],
  ])('a failover may not %s', (_, kind, make) => {
    make();
    expect(history.kinds(failover)).toEqual([kind]);
  });

  it('a failover excuses nothing in other buckets or at other times', () => {
    history.create('01a');
    history.destroy('01a');
    history.validate('01a', true);
    expect(history.kinds(failover)).toEqual(['resurrected']);
  });
});
