import { describe, expect, it } from '@jest/globals';

import type { NestProcess } from '../../support/nest-application.js';
import { addEntry, entry } from './entries.js';
import { countRecords } from './records.js';
import { useLedger } from '../../support/use-ledger.js';

const GOOD = 1_000;
const WEB = { buckets: 1, audit: { worker: false } };
const TOO_LARGE = String(2 ** 31);

const UNREADABLE = 'not in the layout';

/** Entries that no version of this module writes, each with the reason why it is rejected. */
const BAD_ENTRIES: [name: string, value: string | Buffer, reason: string, field?: string][] = [
  ['a user ID of the wrong type', entry({ userId: 'ada' }), 'invalid input syntax'],
  ['a user ID out of range', entry({ userId: TOO_LARGE }), 'out of range'],
  ['a user ID that Postgres would normalize', entry({ userId: '007' }), 'not canonical'],
  ['a NUL byte', entry({ userAgent: 'a\0b' }), UNREADABLE],
  ['a line feed', entry({ userAgent: 'a\nb' }), UNREADABLE],
  ['the character that represents NULL', entry({ reason: '\x1e' }), UNREADABLE],
  ['a time out of range', entry({ occurredAt: '9'.repeat(400) }), UNREADABLE],
  ['a time that is not a number', entry({ expiresAt: 'never' }), UNREADABLE],
  ['one value too many', `${entry()}\x1fmore`, UNREADABLE],
  ['an unknown event', entry({ event: 'forgotten' }), UNREADABLE],
  ['an invalid handle', entry({ digest: "'; DROP TABLE sessions; --" }), UNREADABLE],
  ['an unknown field', entry(), UNREADABLE, 'v0'],
  ['an empty entry', '', UNREADABLE],
  ['bytes that are not UTF-8', Buffer.from([0xc3, 0x28, 0x1f, 0xff]), UNREADABLE],
  ['a truncated UTF-8 character', Buffer.from(`${entry()}\u{1f600}`).subarray(0, -1), UNREADABLE],
];

describe('Outbox entries that cannot be recorded', () => {
  const fixture = useLedger();
  const userIdLayout = (type: 'integer' | 'bigint') => ({ layout: { userId: { type } } });

  const createSessions = async (app: NestProcess, count: number) => {
    for (let i = 0; i < count; i += 100) {
      const users = Array.from({ length: 100 }, (_, j) => String(i + j));
      await Promise.all(users.map((userId) => app.sessions.createSession({ userId })));
    }
  };

  it('bad entries become dead letters with reason and bytes, and all others are recorded', async () => {
    const trail = await fixture.open(userIdLayout('integer'));
    const web = await trail.start(WEB);
    await createSessions(web, GOOD / 2);
    const expected: { raw: Buffer; reason: unknown }[] = [];
    for (const [, value, reason, field] of BAD_ENTRIES) {
      const raw = await addEntry(web, value, field);
      expected.push({ raw, reason: expect.stringContaining(reason) });
    }
    await createSessions(web, GOOD / 2);

    const report = await web.audit.flush();
    expect(report).toEqual({ recorded: GOOD, deadLettered: BAD_ENTRIES.length });
    expect(await countRecords(trail)).toEqual({ created: GOOD, destroyed: 0 });
    const letters = await web.audit.deadLetters();
    expect(letters.map(({ raw, reason }) => ({ raw, reason }))).toEqual(expected);
    expect(letters.map(({ sqlState }) => sqlState).slice(0, 4)).toEqual([
      '22P02',
      '22003',
      '22P02',
      null,
    ]);
    expect(await web.audit.health()).toMatchObject({ backlog: 0, deadLetters: BAD_ENTRIES.length });
  });

  it('a redrive refuses unreadable entries again and keeps them', async () => {
    const trail = await fixture.open();
    const web = await trail.start(WEB);
    for (const [, value, reason, field] of BAD_ENTRIES) {
      if (reason === UNREADABLE) await addEntry(web, value, field);
    }
    const { deadLettered } = await web.audit.flush();
    const { recorded, refused } = await web.audit.redrive();
    expect(recorded).toBe(0);
    expect(refused).toHaveLength(deadLettered);
    expect(await web.audit.deadLetters()).toHaveLength(deadLettered);
  });

  it('a redrive records a user ID that was out of range once the column is wide enough', async () => {
    const trail = await fixture.open(userIdLayout('integer'));
    const before = await trail.start(WEB);
    await addEntry(before, entry({ userId: TOO_LARGE }));
    await before.audit.flush();
    expect(await before.audit.redrive()).toMatchObject({ recorded: 0, refused: [{ id: '1' }] });

    await trail.rows('ALTER TABLE sessions ALTER COLUMN user_id TYPE bigint');
    await trail.rows('ALTER TABLE session_events ALTER COLUMN user_id TYPE bigint');
    const after = await trail.start({ ...WEB, userId: { type: 'bigint' } });
    expect(await after.audit.redrive()).toEqual({ recorded: 1, refused: [] });
    expect(await after.audit.redrive()).toEqual({ recorded: 0, refused: [] });
    expect(await after.audit.deadLetters()).toEqual([]);
    expect((await after.audit.history(TOO_LARGE)).sessions).toHaveLength(1);
  });

  it('a redrive records a row that a constraint refused once the constraint is gone', async () => {
    const trail = await fixture.open();
    const web = await trail.start(WEB);
    await trail.rows(`ALTER TABLE sessions ADD CONSTRAINT no_robots CHECK (user_agent <> 'robot')`);
    const client = { userAgent: 'robot' };
    const robot = await web.sessions.createSession({ userId: 'robby', client });
    await web.sessions.createSession({ userId: 'ada', client: { userAgent: 'Ada’s' } });
    await web.audit.flush();
    // The constraint doesn't apply to the destroyed event, so it is recorded before the created one.
    await web.sessions.destroySession(robot.id);
    await web.audit.flush();
    expect(await countRecords(trail)).toEqual({ created: 1, destroyed: 1 });

    await trail.rows('ALTER TABLE sessions DROP CONSTRAINT no_robots');
    expect(await web.audit.redrive()).toEqual({ recorded: 1, refused: [] });
    const [session] = (await web.audit.history('robby')).sessions;
    expect(session).toMatchObject({ userAgent: 'robot', endReason: 'logout' });
    expect(session!.createdAt).toEqual(robot.createdAt);
    expect(session!.expiresAt).toEqual(robot.expiresAt);
  });
});
