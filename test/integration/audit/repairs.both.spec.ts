import { describe, expect, it } from '@jest/globals';

import type { Session } from '../../../src/index.js';
import { parseHandle } from '../../../src/store/session-id.js';
import { eventually } from '../../support/eventually.js';
import type { NestProcess } from '../../support/nest-application.js';
import type { Trail } from '../../support/trail.js';
import { useLedger } from '../../support/use-ledger.js';
import { recordsOf } from './records.js';
import { createSessions } from './sessions.js';
import { useAuditParts } from './use-audit-parts.js';

const BUCKETS = 2;
const WEB = { buckets: BUCKETS, audit: { worker: false } };
const NOTHING = { missing: 0, held: false, resurrected: 0, recovered: 0, repaired: 0 };

describe('What a reconciliation repairs in Redis', () => {
  const fixture = useLedger();
  const partsOf = useAuditParts();

  /** Where a session is in Redis. */
  const placesOf = ({ buckets }: NestProcess, session: Session) => {
    const { bucket, digest } = parseHandle(session.handle, BUCKETS)!;
    const keys = buckets.keysOf(bucket);
    const created = session.createdAt.getTime().toString(16);
    return {
      digest,
      record: keys.session(digest),
      index: keys.expiryIndex,
      member: `${digest}:${created}:${session.userId}`,
      userSet: keys.userSet(session.userId),
      outbox: keys.outbox,
    };
  };
  const start = async (options = {}): Promise<[Trail, NestProcess]> => {
    const trail = await fixture.open();
    return [trail, await trail.start({ ...WEB, ...options })];
  };
  const repairsOf = async ({ audit }: NestProcess) =>
    (await audit.incidents({ limit: 1_000 })).filter(({ kind }) => kind === 'repaired');

  it('a session that its user set has lost is ended by a log-out-everywhere again', async () => {
    const [, web] = await start();
    const session = await web.sessions.createSession({ userId: 'ada' });
    await web.sessions.createSession({ userId: 'ada' });
    const { userSet, digest } = placesOf(web, session);
    await web.buckets.client.zrem(userSet, digest);

    expect(await web.audit.reconcile()).toMatchObject({ ...NOTHING, repaired: 1 });
    expect(await repairsOf(web)).toMatchObject([
      { handle: session.handle, details: { what: 'user-set' } },
    ]);
    await web.sessions.invalidateAllUserSessions('ada');
    expect(await web.sessions.validateSession(session.id)).toBeNull();
    expect(await web.audit.reconcile()).toMatchObject(NOTHING);
  });

  it('a session that the expiry index has lost expires with a record', async () => {
    const [trail, web] = await start();
    const session = await web.sessions.createSession({ userId: 'ada', expires: 2_000 });
    const { index, member } = placesOf(web, session);
    await web.buckets.client.zrem(index, member);

    expect(await web.audit.reconcile()).toMatchObject({ ...NOTHING, repaired: 1 });
    expect(await repairsOf(web)).toMatchObject([
      { handle: session.handle, details: { what: 'expiry-index' } },
    ]);
    await eventually(async () => expect(await web.sessions.getSession(session.id)).toBeNull());
    expect(await web.audit.reconcile()).toMatchObject(NOTHING);
    expect(await recordsOf(trail, session.handle)).toMatchObject([
      { event: 'created' },
      { event: 'destroyed', reason: 'expired', at: session.expiresAt },
    ]);
  });

  it('indexes and user sets that are lost as a whole are built again from the records', async () => {
    const [, web] = await start();
    const { client } = web.buckets;
    const users = Array.from({ length: 200 }, (_, i) => `user {${i}} *`);
    const sessions = await Promise.all(
      [...users, ...users, ...users].map((userId) => web.sessions.createSession({ userId })),
    );
    await web.audit.flush();
    const before = await web.sessions.listUserSessions(users[7]!);
    const keys = sessions.flatMap((session) => {
      const { index, userSet } = placesOf(web, session);
      return [index, userSet];
    });
    for (const key of new Set(keys)) await client.del(key);
    expect(await web.sessions.listUserSessions(users[7]!)).toEqual([]);

    expect(await web.audit.reconcile()).toMatchObject({ ...NOTHING, repaired: 600 });
    const repairs = await repairsOf(web);
    expect(repairs.every(({ details }) => details.what === 'both')).toBe(true);
    const counted = repairs.reduce((sum, { details }) => sum + Number(details.sessions ?? 1), 0);
    expect(counted).toBe(600);
    expect(await web.sessions.listUserSessions(users[7]!)).toEqual(before);
    for (const session of sessions) {
      const { index, member, userSet, digest } = placesOf(web, session);
      const expiry = String(session.expiresAt.getTime());
      expect(await client.zscore(index, member)).toBe(expiry);
      expect(await client.zscore(userSet, digest)).toBe(expiry);
    }
    expect(await web.audit.reconcile()).toMatchObject(NOTHING);
  });

  it('members of a user set that stand for no session are removed, and no others', async () => {
    const [trail, web] = await start();
    const { client } = web.buckets;
    const session = await web.sessions.createSession({ userId: 'ada' });
    const short = await web.sessions.createSession({ userId: 'ada', expires: 200 });
    const { userSet, digest } = placesOf(web, session);
    const [future, past] = ['x', 'y'].map((letter) => letter.repeat(42) + 'A');
    await client.zadd(userSet, session.expiresAt.getTime(), future!);
    await client.zadd(userSet, session.createdAt.getTime() - 1, past!);
    await eventually(async () => expect(await web.sessions.getSession(short.id)).toBeNull());

    // Without the sweep that usually precedes: an expired session is no reason for a repair.
    const report = await partsOf(trail, web).reconciler.runOnce();
    expect(report).toMatchObject({ ...NOTHING, repaired: 2 });
    expect(await client.zrange(userSet, 0, -1)).toEqual([digest]);
    expect(await repairsOf(web)).toMatchObject([
      { details: { what: 'stale-member', sessions: 2 } },
    ]);
    expect(await web.sessions.validateSession(session.id)).not.toBeNull();
  });

  it('a session that came back without its index entries ends again, with evidence', async () => {
    const [trail, web] = await start();
    const { client } = web.buckets;
    const session = await web.sessions.createSession({ userId: 'ada' });
    const { record } = placesOf(web, session);
    const value = (await client.get(record))!;
    await web.sessions.destroySession(session.id);
    await web.audit.flush();
    await client.set(record, value, 'PXAT', session.expiresAt.getTime());
    expect(await web.sessions.validateSession(session.id)).not.toBeNull();

    expect(await web.audit.reconcile()).toMatchObject({ resurrected: 1 });
    expect(await web.sessions.validateSession(session.id)).toBeNull();
    expect(await recordsOf(trail, session.handle)).toMatchObject([{}, { reason: 'logout' }]);
    expect(await web.audit.incidents()).toMatchObject([
      { kind: 'session-returned', handle: session.handle },
      { kind: 'repaired', handle: session.handle },
      { kind: 'bound' },
    ]);
    expect(await web.audit.reconcile()).toMatchObject(NOTHING);
  });

  it('sessions whose events are lost are recorded, in the index or not', async () => {
    const [trail, web] = await start();
    const { client } = web.buckets;
    await web.audit.flush();
    const [indexed, hidden] = await createSessions(web, 2);
    for (const session of [indexed!, hidden!])
      await client.xtrim(placesOf(web, session).outbox, 'MAXLEN', 0);
    const { index, member } = placesOf(web, hidden!);
    await client.zrem(index, member);

    // Without the comparison of the numbers, which would find it first.
    const report = await partsOf(trail, web).reconciler.runOnce();
    expect(report).toMatchObject({ ...NOTHING, recovered: 2, repaired: 1 });
    for (const { handle, createdAt } of [indexed!, hidden!]) {
      expect(await recordsOf(trail, handle)).toMatchObject([
        { event: 'created', reason: 'recovered', at: createdAt },
      ]);
    }
    const recovered = (await repairsOf(web)).filter(({ details }) => details.what === 'recovered');
    expect(recovered.map(({ handle }) => handle).toSorted()).toEqual(
      [indexed!.handle, hidden!.handle].toSorted(),
    );
  });

  it('a session of which only the record is lost ends as lost, once', async () => {
    const [trail, web] = await start({ idleTimeout: 3_000 });
    const session = await web.sessions.createSession({ userId: 'ada' });
    const { record, index, member, userSet } = placesOf(web, session);
    await web.audit.flush();
    await web.buckets.client.del(record);

    expect(await web.audit.reconcile()).toMatchObject({ ...NOTHING, missing: 1 });
    expect(await web.buckets.client.zscore(index, member)).toBeNull();
    expect(await web.buckets.client.exists(userSet)).toBe(0);
    expect(await recordsOf(trail, session.handle)).toMatchObject([{}, { reason: 'lost' }]);
    expect(await web.audit.reconcile()).toMatchObject(NOTHING);
  });

  it('sessions that start, end, rotate and are used meanwhile are no reason for a repair', async () => {
    const [trail, web] = await start({ idleTimeout: 500 });
    const other = await trail.start({ ...WEB, idleTimeout: 500 });
    const use = async (session: Session, i: number) => {
      await web.sessions.validateSession(session.id);
      if (i % 4 === 0) await web.sessions.destroySession(session.id);
      else if (i % 4 === 1) await web.sessions.rotateSession(session.id);
    };
    for (let round = 0; round < 6; round += 1) {
      const sessions = await createSessions(web, 80);
      await Promise.all([
        ...sessions.map(use),
        createSessions(web, 40),
        other.audit.reconcile(),
        web.audit.reconcile(),
      ]);
    }
    expect(await web.audit.reconcile()).toMatchObject(NOTHING);
    expect((await web.audit.incidents()).map(({ kind }) => kind)).toEqual(['bound']);
    expect(
      await trail.rows(`SELECT 1 FROM session_events WHERE reason IN ('lost', 'resurrected')`),
    ).toEqual([]);
  }, 60_000);
});
