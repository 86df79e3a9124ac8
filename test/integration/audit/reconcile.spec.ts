import { describe, expect, it } from '@jest/globals';

import { ledgerSettings } from '../../../src/audit/postgres/schema.js';
import { LedgerDatabase } from '../../../src/audit/postgres/ledger-database.js';
import { SessionUpkeep } from '../../../src/store/session-upkeep.js';
import { Reconciler } from '../../../src/audit/jobs/reconciler.js';
import { eventually } from '../../support/eventually.js';
import type { AuditedProcess } from './audited-process.js';
import { countRecords, recordsOf } from './records.js';
import { begin, beginAndEnd } from './sessions.js';
import type { Trail } from './trail.js';
import { useLedger } from './use-ledger.js';

const WEB = { buckets: 2, audit: { worker: false } };

describe('reconciling SQL with Redis', () => {
  const ground = useLedger();

  /** A look at what differs, without the sweep and the drain that go before it. */
  const lookOnce = async (trail: Trail, { store }: AuditedProcess) => {
    const database = new LedgerDatabase(trail.databaseUrl, {}, false);
    try {
      return await new Reconciler(
        database,
        ledgerSettings({}).tables,
        store.buckets,
        new SessionUpkeep(store.buckets),
      ).runOnce();
    } finally {
      await database.close();
    }
  };

  it('ends what a Redis that was emptied has lost, once', async () => {
    const trail = await ground.open();
    const web = await trail.start(WEB);
    await begin(web, 1_200);
    const brief = await web.sessions.createSession({ userId: 'brief', expires: 500 });
    await web.audit.flush();
    const [node] = ground.redis.nodes;
    await node!.flushall();
    await eventually(async () => expect(Date.now()).toBeGreaterThan(brief.expiresAt.getTime()));

    const report = await web.audit.reconcile();
    expect(report).toEqual({ checked: 1_201, missing: 1_201, resurrected: 0 });
    expect(await countRecords(trail)).toEqual({ created: 1_201, destroyed: 1_201 });
    const [, expired] = await recordsOf(trail, brief.handle);
    expect(expired).toMatchObject({ reason: 'expired', at: brief.expiresAt });
    expect(
      await trail.rows(
        `SELECT reason, count(*)::int FROM session_events WHERE event = 'destroyed' GROUP BY 1 ORDER BY 1`,
      ),
    ).toEqual([
      { reason: 'expired', count: 1 },
      { reason: 'lost', count: 1_200 },
    ]);
    expect(await web.audit.reconcile()).toEqual({ checked: 0, missing: 0, resurrected: 0 });
  });

  it('ends a session again that a failover brought back', async () => {
    const trail = await ground.open();
    const web = await trail.start({ ...WEB, buckets: 1 });
    const [node] = ground.redis.nodes;
    const begun = await begin(web, 300);
    const [session] = begun;
    const backup = await Promise.all(
      (await node!.keys(`${trail.prefix}:{0}:[sxu]*`)).map(async (key) => ({
        key,
        value: await node!.dumpBuffer(key),
        expiresAt: await node!.pexpiretime(key),
      })),
    );
    await Promise.all(begun.map(({ id }) => web.sessions.destroySession(id)));
    await begin(web, 200); // still live, and not in the backup's indexes
    await web.audit.flush();
    for (const { key, value, expiresAt } of backup) {
      await node!.restore(key, Math.max(0, expiresAt), value, 'REPLACE', 'ABSTTL');
    }
    expect(await web.sessions.validateSession(session!.id)).not.toBeNull();

    expect(await web.audit.reconcile()).toMatchObject({ resurrected: 300 });
    expect(await web.sessions.validateSession(session!.id)).toBeNull();
    const [, ended, ...more] = await recordsOf(trail, session!.handle);
    expect(ended).toMatchObject({ reason: 'logout' });
    expect(more).toEqual([]);
    expect(await web.audit.reconcile()).toMatchObject({ resurrected: 0 });
  });

  it('leaves an end that is still in the outbox its own reason', async () => {
    const trail = await ground.open();
    const web = await trail.start(WEB);
    const session = await web.sessions.createSession({ userId: 'ada' });
    await web.audit.flush();
    await web.sessions.destroySession(session.id);

    expect(await lookOnce(trail, web)).toMatchObject({ missing: 1 });
    await web.audit.flush();
    expect(await recordsOf(trail, session.handle)).toMatchObject([{}, { reason: 'logout' }]);
  });

  it('leaves an expiry that is still to be swept its own moment', async () => {
    const trail = await ground.open();
    const web = await trail.start({ ...WEB, idleTimeout: 300 });
    const session = await web.sessions.createSession({ userId: 'ada' });
    await web.audit.flush();
    await eventually(async () => expect(await web.sessions.getSession(session.id)).toBeNull());

    expect(await lookOnce(trail, web)).toMatchObject({ missing: 1 });
    await web.audit.reconcile();
    const [begun, ended] = await recordsOf(trail, session.handle);
    expect(ended).toMatchObject({ reason: 'expired' });
    expect(ended!.at.getTime()).toBe(begun!.at.getTime() + 300);
  });

  it('takes nothing for lost that begins or ends meanwhile', async () => {
    const trail = await ground.open();
    const [web, other] = await Promise.all([trail.start(WEB), trail.start(WEB)]);
    let lost = 0;
    for (let round = 0; round < 8; round += 1) {
      await Promise.all([begin(web, 50), beginAndEnd(web, 50), other.audit.reconcile()]);
      const [row] = await trail.rows<{ count: number }>(
        `SELECT count(*)::int FROM session_events WHERE reason IN ('lost', 'resurrected')`,
      );
      lost += row!.count;
    }
    expect(lost).toBe(0);
    expect(await web.audit.reconcile()).toMatchObject({ checked: 400, missing: 0, resurrected: 0 });
  });
});
