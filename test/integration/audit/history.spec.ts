import { beforeAll, describe, expect, it } from '@jest/globals';

import type { RecordedSession, SessionPage } from '../../../src/index.js';
import { DAY, HOUR } from '../../support/durations.js';
import type { NestProcess } from '../../support/nest-application.js';
import { seedSessions } from './seed-sessions.js';
import type { Trail } from '../../support/trail.js';
import { INVALID_AUDIT_CALLS } from '../../support/invalid-audit-calls.js';
import { useLedger } from '../../support/use-ledger.js';

const WEB = { audit: { worker: false } };

describe('SessionAudit.history and activeAt', () => {
  const fixture = useLedger();
  let now: number;
  beforeAll(() => {
    now = Date.now();
  });

  const open = async (): Promise<{ trail: Trail; web: NestProcess }> => {
    const trail = await fixture.open({ isForged: true });
    const web = await trail.start(WEB);
    await web.sessions.createSession({ userId: 'carol' });
    await web.audit.flush();
    return { trail, web };
  };

  /** Reads all pages in order; `between` runs before each page except the first. */
  const readAll = async (
    read: (after?: string) => Promise<SessionPage>,
    between = async () => {},
  ): Promise<RecordedSession[]> => {
    const first = await read();
    const sessions = [...first.sessions];
    for (let { next } = first; next !== null;) {
      await between();
      const page = await read(next);
      sessions.push(...page.sessions);
      next = page.next;
    }
    return sessions;
  };

  const handles = (sessions: RecordedSession[]) => sessions.map(({ handle }) => handle);

  it('history pages through a user’s sessions newest first, even if many start at once', async () => {
    const { trail, web } = await open();
    await seedSessions(trail, { users: ['ada', 'bob'], count: 60, from: now - DAY, step: HOUR });
    await seedSessions(trail, { users: ['ada'], count: 25, from: now - 2 * HOUR, step: 0 });
    const expected = await trail.rows<{ token: string }>(
      `SELECT token FROM sessions WHERE user_id = 'ada' ORDER BY created_at DESC, id DESC`,
    );
    for (const limit of [1, 7, 55, 100]) {
      const found = await readAll((after) => web.audit.history('ada', { after, limit }));
      expect(handles(found)).toEqual(expected.map(({ token }) => token));
    }
  });

  it('history returns the same pages while new sessions are being recorded', async () => {
    const { trail, web } = await open();
    await seedSessions(trail, { users: ['ada'], count: 30, from: now - DAY, step: HOUR });
    const before = await readAll((after) => web.audit.history('ada', { after, limit: 50 }));
    const found = await readAll(
      (after) => web.audit.history('ada', { after, limit: 4 }),
      () => seedSessions(trail, { users: ['ada'], count: 3, from: now - HOUR, step: 0 }),
    );
    expect(handles(found)).toEqual(handles(before));
  });

  it('activeAt lists the sessions that were live at a given time', async () => {
    const { trail, web } = await open();
    await seedSessions(trail, {
      users: ['ada', 'bob'],
      count: 200,
      from: now - 3 * DAY,
      step: HOUR,
    });
    for (const moment of [now - 2 * DAY, now - DAY, now - 1, now + DAY]) {
      const expected = await trail.rows<{ token: string }>(
        `SELECT token FROM sessions
         WHERE created_at <= $1 AND coalesce(ended_at, expires_at) > $1
         ORDER BY created_at DESC, id DESC`,
        [new Date(moment)],
      );
      const at = new Date(moment);
      const found = await readAll((after) => web.audit.activeAt(at, { after, limit: 20 }));
      expect(handles(found)).toEqual(expected.map(({ token }) => token));
    }
    expect(await web.audit.activeAt(new Date(0))).toEqual({ sessions: [], next: null });
  });

  it('activeAt finds sessions that lived longer than the current maxLifetime allows', async () => {
    const trail = await fixture.open();
    const before = await trail.start({ ...WEB, maxLifetime: '90d' });
    const { handle } = await before.sessions.createSession({ userId: 'ada', expires: 60 * DAY });
    await before.audit.flush();
    const after = await trail.start({ ...WEB, maxLifetime: '1h' });
    const { sessions } = await after.audit.activeAt(new Date(now + 59 * DAY));
    expect(handles(sessions)).toEqual([handle]);
  });

  it('no call takes an argument of the wrong type or out of range', async () => {
    const { web } = await open();
    for (const [name, call] of INVALID_AUDIT_CALLS) {
      const error = await call(web.audit).catch((thrown: unknown) => thrown);
      expect([name, error]).toEqual([name, expect.objectContaining({ code: 'ERR_SESSION_INPUT' })]);
    }
  });
});
