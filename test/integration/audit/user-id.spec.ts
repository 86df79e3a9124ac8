import { describe, expect, it } from '@jest/globals';

import type { UserIdType } from '../../../src/index.js';
import { recordsOf } from './records.js';
import { useLedger } from '../../support/use-ledger.js';

const WEB = { audit: { worker: false } };
const UUID = '7f9c2ba4-e88f-4d27-a3f2-1c0e3c5d9b11';
const USERS = `CREATE TABLE "user" (id integer PRIMARY KEY); INSERT INTO "user" VALUES (1), (2)`;

describe('User IDs in the audit tables', () => {
  const fixture = useLedger();
  const userReference = { type: 'integer', references: { table: 'public.user' } } as const;

  it.each<[UserIdType, string, string]>([
    ['text', 'Ada ★', ''],
    ['integer', '-2147483648', '2147483648'],
    ['bigint', '9223372036854775807', '9223372036854775808'],
    ['uuid', UUID, UUID.replaceAll('-', '')],
  ])('user IDs of type %s are stored in a column of that type', async (type, userId, invalid) => {
    const trail = await fixture.open({ layout: { userId: { type } } });
    const web = await trail.start(WEB);
    const session = await web.sessions.createSession({ userId });
    await web.audit.flush();
    await web.sessions.destroySession(session.id);
    await web.audit.flush();

    expect(await recordsOf(trail, session.handle)).toMatchObject([{ userId }, { userId }]);
    const [{ type: stored }] = (await trail.rows(
      'SELECT pg_typeof(user_id)::text AS type FROM sessions',
    )) as [{ type: string }];
    expect(stored).toBe(type);
    expect((await web.audit.history(userId)).sessions).toHaveLength(1);
    const rejected = web.sessions.createSession({ userId: invalid });
    await expect(rejected).rejects.toMatchObject({ code: 'ERR_SESSION_INPUT' });
  });

  it('a UUID in capitals finds the same history', async () => {
    const trail = await fixture.open({ layout: { userId: { type: 'uuid' } } });
    const web = await trail.start(WEB);
    const { handle } = await web.sessions.createSession({ userId: UUID.toUpperCase() });
    await web.audit.flush();
    for (const userId of [UUID, UUID.toUpperCase()]) {
      expect((await web.audit.history(userId)).sessions).toMatchObject([{ handle, userId: UUID }]);
    }
    await expect(web.audit.history('ada')).rejects.toMatchObject({ code: 'ERR_SESSION_INPUT' });
  });

  it('deleting a user sets user_id to NULL in sessions and keeps it in the ledger', async () => {
    const trail = await fixture.open({ before: USERS, layout: { userId: userReference } });
    const web = await trail.start(WEB);
    const { handle } = await web.sessions.createSession({ userId: '1' });
    await web.audit.flush();
    await trail.rows('DELETE FROM "user" WHERE id = 1');

    expect(await trail.rows('SELECT user_id FROM sessions')).toEqual([{ user_id: null }]);
    expect(await recordsOf(trail, handle)).toMatchObject([{ userId: '1' }]);
    await web.sessions.destroySessionByHandle(handle);
    await web.audit.flush();
    expect(await recordsOf(trail, handle)).toHaveLength(2);
  });

  it('users who are deleted before the drain leave NULL in sessions', async () => {
    const trail = await fixture.open({ before: USERS, layout: { userId: userReference } });
    const web = await trail.start(WEB);
    for (const userId of ['1', '2', '3']) await web.sessions.createSession({ userId });
    await trail.rows('DELETE FROM "user" WHERE id = 1');
    expect(await web.audit.flush()).toEqual({ recorded: 3, deadLettered: 0 });
    const rows = await trail.rows('SELECT user_id FROM sessions ORDER BY user_id');
    expect(rows.map((row) => (row as { user_id: number }).user_id)).toEqual([2, null, null]);
  });

  it('users who are deleted during the drain leave NULL in sessions', async () => {
    const trail = await fixture.open({ before: USERS, layout: { userId: userReference } });
    const web = await trail.start(WEB);
    await trail.rows('INSERT INTO "user" SELECT generate_series(3, 400)');
    const state = { isOver: false, created: 0 };
    const deletions = async () => {
      for (let id = 1; id <= 400; id += 1) {
        await trail.rows('DELETE FROM "user" WHERE id = $1', [id]);
      }
      state.isOver = true;
    };
    const drains = async () => {
      while (!state.isOver) {
        const users = Array.from({ length: 40 }, () => String(1 + ((state.created++ * 7) % 400)));
        await Promise.all(users.map((userId) => web.sessions.createSession({ userId })));
        await web.audit.flush();
      }
    };
    await Promise.all([deletions(), drains()]);
    const counts = await trail.rows(
      'SELECT count(*)::int AS all, count(user_id)::int AS known FROM sessions',
    );
    expect(counts).toEqual([{ all: state.created, known: 0 }]);
    expect(await web.audit.health()).toMatchObject({ deadLetters: 0 });
  });
});
