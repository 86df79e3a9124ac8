import { describe, expect, it } from '@jest/globals';

import { eventually } from '../../support/eventually.js';
import type { NestProcess } from '../../support/nest-application.js';
import { countRecords, recordsOf } from './records.js';
import { createAndDestroySessions, createSessions } from './sessions.js';
import type { Trail } from '../../support/trail.js';
import { useLedger } from '../../support/use-ledger.js';
import { useAuditParts } from './use-audit-parts.js';

const WEB = { buckets: 2, audit: { worker: false } };

describe('Reconciling SQL with Redis', () => {
  const fixture = useLedger();

  const partsOf = useAuditParts();

  /** Reconciles without the sweep and the drain that normally run first. */
  const reconcileOnly = (trail: Trail, web: NestProcess) =>
    partsOf(trail, web).reconciler.runOnce();

  it('reconcile declares no more than a share of the sessions lost without an operator', async () => {
    const trail = await fixture.open();
    const web = await trail.start(WEB);
    await createSessions(web, 1_200);
    const short = await web.sessions.createSession({ userId: 'short', expires: 500 });
    await web.audit.flush();
    const [node] = fixture.redis.nodes;
    // Everything but the outbox numbers and the binding: a part of Redis that was lost.
    await node!.del(await node!.keys(`${trail.prefix}:{*}:[sxu]*`));
    await eventually(async () => expect(Date.now()).toBeGreaterThan(short.expiresAt.getTime()));

    const held = await web.audit.reconcile();
    expect(held).toMatchObject({ held: true, missing: 1_201, resurrected: 0 });
    expect(await countRecords(trail)).toEqual({ created: 1_201, destroyed: 0 });
    // The same figures again, the next night, are the same incident.
    expect(await web.audit.reconcile()).toMatchObject({ held: true, missing: 1_201 });
    expect(await web.audit.incidents()).toMatchObject([
      { kind: 'loss-limit', details: { missing: 1_201 } },
      { kind: 'bound' },
    ]);

    const report = await web.audit.reconcile({ acceptLosses: true });
    expect(report).toMatchObject({ checked: 1_201, missing: 1_201, held: false, resurrected: 0 });
    expect(await countRecords(trail)).toEqual({ created: 1_201, destroyed: 1_201 });
    const [, expired] = await recordsOf(trail, short.handle);
    expect(expired).toMatchObject({ reason: 'expired', at: short.expiresAt });
    expect(
      await trail.rows(
        `SELECT reason, count(*)::int FROM session_events WHERE event = 'destroyed' GROUP BY 1 ORDER BY 1`,
      ),
    ).toEqual([
      { reason: 'expired', count: 1 },
      { reason: 'lost', count: 1_200 },
    ]);
    expect(await web.audit.reconcile()).toMatchObject({ checked: 0, missing: 0, resurrected: 0 });
    const [lost] = await web.audit.incidents();
    expect(lost).toMatchObject({ kind: 'sessions-lost', details: { missing: 1_201 } });
  });

  it('reconcile declares a small share lost without an operator, wherever it is', async () => {
    const trail = await fixture.open();
    const web = await trail.start(WEB);
    const sessions = await createSessions(web, 1_100);
    await web.audit.flush();
    const lost = sessions.filter((_, i) => i % 20 === 0);
    const [node] = fixture.redis.nodes;
    const digests = lost.map(({ handle }) => handle.slice(2));
    const keys = await node!.keys(`${trail.prefix}:{*}:s:*`);
    await node!.del(keys.filter((key) => digests.includes(key.slice(-43))));

    const report = await web.audit.reconcile();
    expect(report).toMatchObject({ checked: 1_100, missing: 55, held: false, resurrected: 0 });
    expect(await countRecords(trail)).toEqual({ created: 1_100, destroyed: 55 });
    expect(await web.audit.incidents()).toMatchObject([
      { kind: 'sessions-lost', details: { missing: 55 } },
      { kind: 'bound' },
    ]);
    // The limit holds for a day: it is used up.
    await node!.del((await node!.keys(`${trail.prefix}:{*}:s:*`)).slice(0, 3));
    expect(await web.audit.reconcile()).toMatchObject({ missing: 3, held: true });
    expect(await countRecords(trail)).toEqual({ created: 1_100, destroyed: 55 });
    await web.audit.reconcile({ acceptLosses: true });
    expect(await countRecords(trail)).toEqual({ created: 1_100, destroyed: 58 });
  });

  it('reconcile ends sessions again that a restored backup brought back', async () => {
    const trail = await fixture.open();
    const web = await trail.start({ ...WEB, buckets: 1 });
    const [node] = fixture.redis.nodes;
    const ended = await createSessions(web, 300);
    const [session] = ended;
    const backup = await Promise.all(
      (await node!.keys(`${trail.prefix}:{0}:[sxu]*`)).map(async (key) => ({
        key,
        value: await node!.dumpBuffer(key),
        expiresAt: await node!.pexpiretime(key),
      })),
    );
    await Promise.all(ended.map(({ id }) => web.sessions.destroySession(id)));
    await createSessions(web, 200); // live, but missing from the backup's indexes
    await web.audit.flush();
    for (const { key, value, expiresAt } of backup) {
      await node!.restore(key, Math.max(0, expiresAt), value, 'REPLACE', 'ABSTTL');
    }
    expect(await web.sessions.validateSession(session!.id)).not.toBeNull();

    expect(await web.audit.reconcile()).toMatchObject({ resurrected: 300 });
    expect(await web.sessions.validateSession(session!.id)).toBeNull();
    const [, destroyed, ...more] = await recordsOf(trail, session!.handle);
    expect(destroyed).toMatchObject({ reason: 'logout' });
    expect(more).toEqual([]);
    expect(await web.audit.reconcile()).toMatchObject({ resurrected: 0 });
  });

  it('reconcile keeps the reason of an end that is still in the outbox', async () => {
    const trail = await fixture.open();
    const web = await trail.start(WEB);
    const session = await web.sessions.createSession({ userId: 'ada' });
    await web.audit.flush();
    await web.sessions.destroySession(session.id);

    expect(await reconcileOnly(trail, web)).toMatchObject({ checked: 1, missing: 0 });
    expect(await recordsOf(trail, session.handle)).toMatchObject([{}, { reason: 'logout' }]);
  });

  it('reconcile keeps the time of an expiry that has not been swept yet', async () => {
    const trail = await fixture.open();
    const web = await trail.start({ ...WEB, idleTimeout: 300 });
    const session = await web.sessions.createSession({ userId: 'ada' });
    await web.audit.flush();
    await eventually(async () => expect(await web.sessions.getSession(session.id)).toBeNull());

    expect(await reconcileOnly(trail, web)).toMatchObject({ checked: 1, missing: 0 });
    const [created, destroyed] = await recordsOf(trail, session.handle);
    expect(destroyed).toMatchObject({ reason: 'expired' });
    expect(destroyed!.at.getTime()).toBe(created!.at.getTime() + 300);
  });

  it('reconcile never declares sessions lost that start or end while it runs', async () => {
    const trail = await fixture.open();
    const [web, other] = await Promise.all([trail.start(WEB), trail.start(WEB)]);
    let lost = 0;
    for (let round = 0; round < 8; round += 1) {
      await Promise.all([
        createSessions(web, 50),
        createAndDestroySessions(web, 50),
        other.audit.reconcile(),
      ]);
      const [row] = await trail.rows<{ count: number }>(
        `SELECT count(*)::int FROM session_events WHERE reason IN ('lost', 'resurrected')`,
      );
      lost += row!.count;
    }
    expect(lost).toBe(0);
    expect(await web.audit.reconcile()).toMatchObject({ checked: 400, missing: 0, resurrected: 0 });
  });
});
