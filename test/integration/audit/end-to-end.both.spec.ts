import { describe, expect, it } from '@jest/globals';

import type { Session } from '../../../src/index.js';
import { eventually } from '../../support/eventually.js';
import { letTimePass } from '../../support/move-time.js';
import type { NestProcess } from '../../support/nest-application.js';
import { recordsOf, type TrailRecord } from './records.js';
import type { Trail } from '../../support/trail.js';
import { useLedger } from '../../support/use-ledger.js';

const HOUR = 3_600_000;

/** What the audit trail records about each session. Runs on a single Redis and on a Cluster. */
describe('Audit trail', () => {
  const fixture = useLedger();

  /** Waits until the ledger has `count` records of the session, and returns them. */
  const waitForRecords = (
    trail: Trail,
    { handle }: Session,
    count: number,
  ): Promise<TrailRecord[]> =>
    eventually(async () => {
      const records = await recordsOf(trail, handle);
      expect(records).toHaveLength(count);
      return records;
    });

  const createTwoSessions = async (app: NestProcess) => {
    const first = await app.sessions.createSession({ userId: 'ada' });
    return [first, await app.sessions.createSession({ userId: 'ada' })] as const;
  };

  it('a new session is recorded with its user, its times and its client', async () => {
    const trail = await fixture.open();
    const app = await trail.start();
    const client = { ip: '192.0.2.7', userAgent: 'Ada’s browser' };
    const session = await app.sessions.createSession({ userId: 'ada', client });

    const [created] = await waitForRecords(trail, session, 1);
    expect(created).toMatchObject({ event: 'created', userId: 'ada', at: session.createdAt });
    expect(created).toMatchObject({ expiresAt: session.expiresAt, reason: null, actor: null });
    const [row] = await trail.rows('SELECT * FROM sessions');
    expect(row).toMatchObject({ user_id: 'ada', token: session.handle, ended_at: null });
    expect(row).toMatchObject({ ip: client.ip, user_agent: client.userAgent });
  });

  it('a logout is recorded', async () => {
    const trail = await fixture.open();
    const app = await trail.start();
    const session = await app.sessions.createSession({ userId: 'ada' });
    await app.sessions.destroySession(session.id);

    const [, destroyed] = await waitForRecords(trail, session, 2);
    expect(destroyed).toMatchObject({
      event: 'destroyed',
      userId: 'ada',
      reason: 'logout',
      actor: null,
    });
    expect(destroyed!.at.getTime()).toBeGreaterThanOrEqual(session.createdAt.getTime());
    expect(destroyed!.at.getTime()).toBeLessThan(session.createdAt.getTime() + HOUR);
  });

  it('an expired session is recorded with the time at which it expired', async () => {
    const trail = await fixture.open();
    const app = await trail.start();
    const session = await app.sessions.createSession({ userId: 'ada', expires: 300 });

    const [, destroyed] = await waitForRecords(trail, session, 2);
    expect(destroyed).toMatchObject({ reason: 'expired', actor: null, at: session.expiresAt });
  });

  it('revoking all sessions of a user is recorded with reason and actor', async () => {
    const trail = await fixture.open();
    const app = await trail.start();
    const sessions = await createTwoSessions(app);
    const end = { reason: 'password reset', actor: 'support:42' };
    await app.sessions.invalidateAllUserSessions('ada', end);

    for (const session of sessions) {
      const [, destroyed] = await waitForRecords(trail, session, 2);
      expect(destroyed).toMatchObject({ event: 'destroyed', ...end });
    }
  });

  it('a session that is evicted by the session limit is recorded as evicted', async () => {
    const trail = await fixture.open();
    const app = await trail.start({ maxSessionsPerUser: 1 });
    const [first, second] = await createTwoSessions(app);

    const [, destroyed] = await waitForRecords(trail, first, 2);
    expect(destroyed).toMatchObject({ reason: 'evicted', at: second.createdAt });
    expect(await waitForRecords(trail, second, 1)).toMatchObject([{ event: 'created' }]);
  });

  it('a rotation is recorded as the end of the old session and the start of the new one', async () => {
    const trail = await fixture.open();
    const app = await trail.start();
    const session = await app.sessions.createSession({ userId: 'ada' });
    const rotated = await app.sessions.rotateSession(session.id);

    const [, destroyed] = await waitForRecords(trail, session, 2);
    expect(destroyed).toMatchObject({ reason: 'rotated', at: rotated.createdAt });
    const [created] = await waitForRecords(trail, rotated, 1);
    expect(created).toMatchObject({
      reason: 'rotated',
      userId: 'ada',
      expiresAt: session.expiresAt,
    });
  });

  it('an expiry is recorded with its true time even if no process ran for days', async () => {
    const trail = await fixture.open();
    const web = await trail.start({ audit: { worker: false } });
    const { handle } = await web.sessions.createSession({ userId: 'ada', expires: HOUR });
    await letTimePass(web, 3 * 24 * HOUR);
    await web.close();

    await trail.start();
    const [created, destroyed] = await eventually(async () => {
      const records = await recordsOf(trail, handle);
      expect(records).toHaveLength(2);
      return records;
    });
    expect(created!.at.getTime()).toBeLessThan(Date.now() - 2 * 24 * HOUR);
    expect(destroyed).toMatchObject({ event: 'destroyed', reason: 'expired' });
    expect(destroyed!.at.getTime()).toBe(created!.at.getTime() + HOUR);
  });
});
