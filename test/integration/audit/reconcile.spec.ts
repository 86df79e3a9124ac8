import { describe, expect, it } from '@jest/globals';

import { ledgerSettings } from '../../../src/audit/postgres/schema.js';
import { LedgerDatabase } from '../../../src/audit/postgres/connection.js';
import { auditParts } from '../../../src/audit/session-audit.js';
import { eventually } from '../../support/eventually.js';
import type { NestProcess } from '../../support/nest-application.js';
import { countRecords, recordsOf } from './records.js';
import { createAndDestroySessions, createSessions } from './sessions.js';
import type { Trail } from '../../support/trail.js';
import { useLedger } from '../../support/use-ledger.js';

const WEB = { buckets: 2, audit: { worker: false } };

describe('Reconciling SQL with Redis', () => {
  const fixture = useLedger();

  /** Reconciles without the sweep and the drain that normally run first. */
  const reconcileOnly = async (trail: Trail, { buckets }: NestProcess) => {
    const database = new LedgerDatabase(trail.databaseUrl, {}, false);
    try {
      return await auditParts(buckets, database, ledgerSettings({})).reconciler.runOnce();
    } finally {
      await database.close();
    }
  };

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
    expect(held).toMatchObject({ held: true, resurrected: 0 });
    expect(await countRecords(trail)).toEqual({ created: 1_201, destroyed: 0 });
    expect(await web.audit.incidents()).toMatchObject([{ kind: 'loss-limit' }, { kind: 'bound' }]);

    const report = await web.audit.reconcile({ acceptLosses: true });
    expect(report).toEqual({ checked: 1_201, missing: 1_201, held: false, resurrected: 0 });
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

    expect(await reconcileOnly(trail, web)).toMatchObject({ missing: 1 });
    await web.audit.flush();
    expect(await recordsOf(trail, session.handle)).toMatchObject([{}, { reason: 'logout' }]);
  });

  it('reconcile keeps the time of an expiry that has not been swept yet', async () => {
    const trail = await fixture.open();
    const web = await trail.start({ ...WEB, idleTimeout: 300 });
    const session = await web.sessions.createSession({ userId: 'ada' });
    await web.audit.flush();
    await eventually(async () => expect(await web.sessions.getSession(session.id)).toBeNull());

    expect(await reconcileOnly(trail, web)).toMatchObject({ missing: 1 });
    await web.audit.reconcile();
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
