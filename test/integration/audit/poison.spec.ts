import { describe, expect, it } from '@jest/globals';

import type { AuditedProcess } from './audited-process.js';
import { entry, place } from './entries.js';
import { countRecords } from './records.js';
import { useLedger } from './use-ledger.js';

const GOOD = 1_000;
const WEB = { buckets: 1, audit: { worker: false } };
const TOO_LARGE = String(2 ** 31);

/** What no application puts there: a name, the entry, and what is said of it. */
const UNREADABLE = 'not in the layout';
const POISON: [what: string, value: string | Buffer, reason: string, field?: string][] = [
  ['a user ID of a wrong type', entry({ user: 'ada' }), 'invalid input syntax'],
  ['a user ID out of range', entry({ user: TOO_LARGE }), 'out of range'],
  ['a user ID that Postgres would rewrite', entry({ user: '007' }), 'not canonical'],
  ['a NUL byte', entry({ userAgent: 'a\0b' }), UNREADABLE],
  ['a line end', entry({ userAgent: 'a\nb' }), UNREADABLE],
  ['the mark that stands for NULL', entry({ reason: '\x1e' }), UNREADABLE],
  ['a moment beyond every calendar', entry({ at: '9'.repeat(400) }), UNREADABLE],
  ['a moment that is none', entry({ ends: 'never' }), UNREADABLE],
  ['a value too many', `${entry()}\x1fmore`, UNREADABLE],
  ['an event of its own', entry({ event: 'forgotten' }), UNREADABLE],
  ['a handle that is none', entry({ digest: "'; DROP TABLE sessions; --" }), UNREADABLE],
  ['another field', entry(), UNREADABLE, 'v0'],
  ['nothing', '', UNREADABLE],
  ['bytes that are no UTF-8', Buffer.from([0xc3, 0x28, 0x1f, 0xff]), UNREADABLE],
  ['half a surrogate pair', Buffer.from(`${entry()}\u{1f600}`).subarray(0, -1), UNREADABLE],
];

describe('poison in the outbox', () => {
  const ground = useLedger();
  const typed = (type: 'integer' | 'bigint') => ({ layout: { userId: { type } } });

  const beginSome = async (app: AuditedProcess, count: number) => {
    for (let i = 0; i < count; i += 100) {
      const users = Array.from({ length: 100 }, (_, j) => String(i + j));
      await Promise.all(users.map((userId) => app.sessions.createSession({ userId })));
    }
  };

  it('ends among the dead letters with reason and bytes, and a thousand others arrive', async () => {
    const trail = await ground.open(typed('integer'));
    const web = await trail.start(WEB);
    await beginSome(web, GOOD / 2);
    const placed: { raw: Buffer; reason: unknown }[] = [];
    for (const [, value, reason, field] of POISON) {
      placed.push({ raw: await place(web, value, field), reason: expect.stringContaining(reason) });
    }
    await beginSome(web, GOOD / 2);

    const report = await web.audit.flush();
    expect(report).toEqual({ recorded: GOOD, deadLettered: POISON.length });
    expect(await countRecords(trail)).toEqual({ created: GOOD, destroyed: 0 });
    const letters = await web.audit.deadLetters();
    expect(letters.map(({ raw, reason }) => ({ raw, reason }))).toEqual(placed);
    expect(letters.map(({ sqlState }) => sqlState).slice(0, 4)).toEqual([
      '22P02',
      '22003',
      '22P02',
      null,
    ]);
    expect(await web.audit.health()).toMatchObject({ backlog: 0, deadLetters: POISON.length });
  });

  it('that Postgres will never take is refused again by a redrive', async () => {
    const trail = await ground.open();
    const web = await trail.start(WEB);
    for (const [, value, reason, field] of POISON) {
      if (reason === UNREADABLE) await place(web, value, field);
    }
    const { deadLettered } = await web.audit.flush();
    const { recorded, refused } = await web.audit.redrive();
    expect(recorded).toBe(0);
    expect(refused).toHaveLength(deadLettered);
    expect(await web.audit.deadLetters()).toHaveLength(deadLettered);
  });

  it('is recorded by a redrive once its cause is gone: a column that was too narrow', async () => {
    const trail = await ground.open(typed('integer'));
    const narrow = await trail.start(WEB);
    await place(narrow, entry({ user: TOO_LARGE }));
    await narrow.audit.flush();
    expect(await narrow.audit.redrive()).toMatchObject({ recorded: 0, refused: [{ id: '1' }] });

    await trail.rows('ALTER TABLE sessions ALTER COLUMN user_id TYPE bigint');
    await trail.rows('ALTER TABLE session_events ALTER COLUMN user_id TYPE bigint');
    const wide = await trail.start({ ...WEB, userId: { type: 'bigint' } });
    expect(await wide.audit.redrive()).toEqual({ recorded: 1, refused: [] });
    expect(await wide.audit.redrive()).toEqual({ recorded: 0, refused: [] });
    expect(await wide.audit.deadLetters()).toEqual([]);
    expect((await wide.audit.history(TOO_LARGE)).sessions).toHaveLength(1);
  });

  it('is recorded by a redrive once its cause is gone: a rule of the database', async () => {
    const trail = await ground.open();
    const web = await trail.start(WEB);
    await trail.rows(`ALTER TABLE sessions ADD CONSTRAINT no_robots CHECK (user_agent <> 'robot')`);
    const client = { userAgent: 'robot' };
    const robot = await web.sessions.createSession({ userId: 'robby', client });
    await web.sessions.createSession({ userId: 'ada', client: { userAgent: 'Ada’s' } });
    await web.audit.flush();
    // Its end is no robot's, so it arrives before its beginning.
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
