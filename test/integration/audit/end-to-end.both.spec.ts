import { describe, expect, it } from '@jest/globals';

import type { Session } from '../../../src/index.js';
import { eventually } from '../../support/eventually.js';
import { letTimePass } from '../../support/move-time.js';
import type { AuditedProcess } from './audited-process.js';
import { recordsOf, type TrailRecord } from './records.js';
import type { Trail } from './trail.js';
import { useLedger } from './use-ledger.js';

const HOUR = 3_600_000;

/** What the trail promises of each session, whatever Redis it lives in. */
describe('the trail', () => {
  const ground = useLedger();

  /** A session's records, once there are so many. */
  const recorded = (trail: Trail, { handle }: Session, count: number): Promise<TrailRecord[]> =>
    eventually(async () => {
      const records = await recordsOf(trail, handle);
      expect(records).toHaveLength(count);
      return records;
    });

  const twoSessions = async (app: AuditedProcess) => {
    const first = await app.sessions.createSession({ userId: 'ada' });
    return [first, await app.sessions.createSession({ userId: 'ada' })] as const;
  };

  it('records who began a session, when, until when, and from where', async () => {
    const trail = await ground.open();
    const app = await trail.start();
    const client = { ip: '192.0.2.7', userAgent: 'Ada’s browser' };
    const session = await app.sessions.createSession({ userId: 'ada', client });

    const [begun] = await recorded(trail, session, 1);
    expect(begun).toMatchObject({ event: 'created', userId: 'ada', at: session.createdAt });
    expect(begun).toMatchObject({ expires: session.expiresAt, reason: null, actor: null });
    const [row] = await trail.rows('SELECT * FROM sessions');
    expect(row).toMatchObject({ user_id: 'ada', token: session.handle, ended_at: null });
    expect(row).toMatchObject({ ip: client.ip, user_agent: client.userAgent });
  });

  it('records a log-out', async () => {
    const trail = await ground.open();
    const app = await trail.start();
    const session = await app.sessions.createSession({ userId: 'ada' });
    await app.sessions.destroySession(session.id);

    const [, ended] = await recorded(trail, session, 2);
    expect(ended).toMatchObject({
      event: 'destroyed',
      userId: 'ada',
      reason: 'logout',
      actor: null,
    });
    expect(ended!.at.getTime()).toBeGreaterThanOrEqual(session.createdAt.getTime());
    expect(ended!.at.getTime()).toBeLessThan(session.createdAt.getTime() + HOUR);
  });

  it('records an expiry at the moment of the expiry', async () => {
    const trail = await ground.open();
    const app = await trail.start();
    const session = await app.sessions.createSession({ userId: 'ada', expires: 300 });

    const [, ended] = await recorded(trail, session, 2);
    expect(ended).toMatchObject({ reason: 'expired', actor: null, at: session.expiresAt });
  });

  it('records who revoked all sessions of a user, and why', async () => {
    const trail = await ground.open();
    const app = await trail.start();
    const sessions = await twoSessions(app);
    const end = { reason: 'password reset', actor: 'support:42' };
    await app.sessions.invalidateAllUserSessions('ada', end);

    for (const session of sessions) {
      const [, ended] = await recorded(trail, session, 2);
      expect(ended).toMatchObject({ event: 'destroyed', ...end });
    }
  });

  it('records that a session made room for another', async () => {
    const trail = await ground.open();
    const app = await trail.start({ maxSessionsPerUser: 1 });
    const [first, second] = await twoSessions(app);

    const [, ended] = await recorded(trail, first, 2);
    expect(ended).toMatchObject({ reason: 'evicted', at: second.createdAt });
    expect(await recorded(trail, second, 1)).toMatchObject([{ event: 'created' }]);
  });

  it('records both sides of a rotation', async () => {
    const trail = await ground.open();
    const app = await trail.start();
    const session = await app.sessions.createSession({ userId: 'ada' });
    const rotated = await app.sessions.rotateSession(session.id);

    const [, ended] = await recorded(trail, session, 2);
    expect(ended).toMatchObject({ reason: 'rotated', at: rotated.createdAt });
    const [begun] = await recorded(trail, rotated, 1);
    expect(begun).toMatchObject({ reason: 'rotated', userId: 'ada', expires: session.expiresAt });
  });

  it('records an expiry at its true moment, though no process ran for days', async () => {
    const trail = await ground.open();
    const web = await trail.start({ audit: { worker: false } });
    const { handle } = await web.sessions.createSession({ userId: 'ada', expires: HOUR });
    const { client } = web.store.buckets.redis;
    await letTimePass({ client, store: web.store }, 3 * 24 * HOUR);
    await web.close();

    await trail.start();
    const [begun, ended] = await eventually(async () => {
      const records = await recordsOf(trail, handle);
      expect(records).toHaveLength(2);
      return records;
    });
    expect(begun!.at.getTime()).toBeLessThan(Date.now() - 2 * 24 * HOUR);
    expect(ended).toMatchObject({ event: 'destroyed', reason: 'expired' });
    expect(ended!.at.getTime()).toBe(begun!.at.getTime() + HOUR);
  });
});
