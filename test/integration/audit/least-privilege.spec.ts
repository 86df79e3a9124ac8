import { beforeEach, describe, expect, it } from '@jest/globals';

import { runCommand } from '../cli/use-operator.js';
import type { Trail } from '../../support/trail.js';
import { useLedger } from '../../support/use-ledger.js';
import { addEntry, entry } from './entries.js';
import { createAndDestroySessions } from './sessions.js';

const BUCKETS = 1;
const LAYOUT = { schema: 'Audit', userId: { references: { table: 'users' } } };
const ENV = { LEDGER_SCHEMA: 'Audit', USERS_TABLE: 'users' };
/** The roles belong to the server, so each test has its own. */
const SETUP = `CREATE TABLE users (id text PRIMARY KEY); INSERT INTO users VALUES ('ada'), ('7');
  CREATE SCHEMA "Audit"; REVOKE CREATE ON SCHEMA public FROM PUBLIC`;

let tests = 0;

describe('Database roles that own nothing, with the statements of session-ledger grants', () => {
  const fixture = useLedger();
  let trail: Trail;

  beforeEach(async () => {
    tests += 1;
    trail = await fixture.open({ layout: LAYOUT, before: SETUP });
  });

  /** Creates a role, and returns the URL with which it connects. */
  const urlOf = async (kind: string) => {
    const name = `${kind}${tests}`;
    const { stdout } = await runCommand(ENV, false, ['grants', kind, '--to', name]);
    await trail.rows(`CREATE ROLE ${name} LOGIN; ${stdout}`);
    const url = new URL(trail.databaseUrl);
    url.username = name;
    return url.href;
  };

  const startAs = async (kind: string, worker: boolean) =>
    trail.start({ database: await urlOf(kind), buckets: BUCKETS, audit: { worker } });

  const dropAhead = () =>
    trail.rows(`DO $$ DECLARE name text; BEGIN
      FOR name IN SELECT inhrelid::regclass FROM pg_inherits
        WHERE inhparent IN ('"Audit".sessions'::regclass, '"Audit".session_events'::regclass)
      LOOP EXECUTE 'DROP TABLE ' || name; END LOOP; END $$`);

  it('a worker starts at the turn of a month, creates its partitions and records everything', async () => {
    await dropAhead();
    const worker = await startAs('worker', true);
    const then = Date.UTC(2020, 1, 29); // the start has created this month's partitions already
    await addEntry(worker, entry({ createdAt: then, occurredAt: then, expiresAt: then + 1 }));
    await worker.sessions.createSession({ userId: 'ada' });
    await createAndDestroySessions(worker, 3);
    await worker.audit.flush();
    expect(await worker.audit.health()).toMatchObject({ deadLetters: 0, missingPartitions: 0 });
    expect(await worker.audit.verify()).toMatchObject({ valid: true });
    await worker.audit.reconcile();
    expect(await trail.rows('SELECT FROM "Audit".sessions_2020_02')).toHaveLength(1);
    expect(await trail.rows(`SELECT FROM "Audit".sessions WHERE user_id = 'ada'`)).toHaveLength(1);
  });

  it('a worker that may not create partitions starts, and keeps the events until it may', async () => {
    const database = await urlOf('worker');
    await trail.rows(
      `REVOKE EXECUTE ON FUNCTION "Audit".make_session_partition(text, date) FROM worker${tests}`,
    );
    await trail.rows('DROP TABLE "Audit".sessions_' + monthAhead(3));
    const worker = await trail.start({ database, buckets: BUCKETS });
    await worker.sessions.createSession({ userId: 'ada' });
    await expect(worker.audit.flush()).rejects.toMatchObject({
      code: 'ERR_SESSION_DATABASE_UNSUITABLE',
      message: expect.stringContaining('permission denied'),
    });
    await trail.rows(
      `GRANT EXECUTE ON FUNCTION "Audit".make_session_partition(text, date) TO worker${tests}`,
    );
    await worker.audit.flush();
    expect(await trail.rows(`SELECT FROM "Audit".session_events`)).toHaveLength(1);
  });

  it('a web process reads the history, and binds the ledger if it is the first to start', async () => {
    const web = await startAs('web', false);
    await web.sessions.createSession({ userId: 'ada' });
    expect(await web.audit.health()).toMatchObject({ binding: 'bound' });
    expect(await web.audit.history('ada')).toMatchObject({ sessions: [] });
    await expect(web.audit.flush()).rejects.toMatchObject({
      code: 'ERR_SESSION_DATABASE_UNSUITABLE',
    });
    const worker = await startAs('worker', true);
    await worker.audit.flush();
    expect((await web.audit.history('ada')).sessions).toHaveLength(1);
  });

  it('an auditor runs verify, dead-letters, incidents and status', async () => {
    const worker = await startAs('worker', true);
    await createAndDestroySessions(worker, 1);
    await worker.audit.flush();
    const env = { ...ENV, DATABASE_URL: await urlOf('auditor') };
    for (const command of ['verify', 'dead-letters', 'incidents', 'status']) {
      expect(await runCommand(env, false, [command])).toMatchObject({ code: 0, stderr: '' });
    }
  });

  it.each(['web', 'worker', 'operator', 'auditor'])(
    'the role %s can neither change the ledger nor switch off its triggers',
    async (kind) => {
      await urlOf(kind);
      const part = `"Audit".session_events_${monthAhead(0)}`;
      for (const change of [
        `ALTER TABLE "Audit".session_events DISABLE TRIGGER ALL`,
        `ALTER TABLE ${part} DISABLE TRIGGER ALL`,
        `DROP TABLE ${part}`,
        `UPDATE "Audit".session_events SET actor = 'me'`,
        `DELETE FROM "Audit".session_events`,
        `TRUNCATE "Audit".session_events`,
        `UPDATE users SET id = id`,
        `SELECT "Audit".retire_session_events('2020-01-01')`,
      ]) {
        await expect(trail.rows(`SET ROLE ${kind}${tests}; ${change}`)).rejects.toThrow(
          /permission denied|must be owner/,
        );
        await trail.rows('RESET ROLE');
      }
    },
  );

  it.each([
    ['another table', `'users', '2026-01-01'`],
    ['a day in the middle of a month', `'sessions', '2026-01-02'`],
    ['a month far ahead', `'sessions', '3026-01-01'`],
    ['a name with a quote', `'sessions"; DROP TABLE users; --', '2026-01-01'`],
  ])('a worker cannot have the function create a partition for %s', async (_, given) => {
    await urlOf('worker');
    await expect(
      trail.rows(`SET ROLE worker${tests}; SELECT "Audit".make_session_partition(${given})`),
    ).rejects.toThrow('there is no partition');
    await trail.rows('RESET ROLE');
  });

  it("a worker's search_path does not change what the function runs", async () => {
    await urlOf('worker');
    await trail.rows(`CREATE SCHEMA evil${tests} AUTHORIZATION worker${tests};
      SET ROLE worker${tests};
      CREATE FUNCTION evil${tests}.to_char(date, text) RETURNS text LANGUAGE sql AS $$ SELECT 'evil' $$;
      SET search_path = evil${tests}, pg_catalog;
      SELECT "Audit".make_session_partition('sessions', '2020-03-01'); RESET ROLE; RESET search_path`);
    expect(await trail.rows('SELECT FROM "Audit".sessions_2020_03')).toEqual([]);
  });
});

/** The suffix of a month's partitions, such as `2026_11`. */
function monthAhead(ahead: number): string {
  const now = new Date();
  const date = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + ahead));
  return date.toISOString().slice(0, 7).replace('-', '_');
}
