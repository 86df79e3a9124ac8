import { beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Client } from 'pg';

import { LedgerDatabase } from '../../../src/audit/postgres/connection.js';
import { ledgerSettings } from '../../../src/audit/postgres/schema.js';
import { auditParts } from '../../../src/audit/audit-parts.js';
import { Reconciler } from '../../../src/audit/reconcile/reconciler.js';
import { SessionAudit } from '../../../src/audit/session-audit.js';
import { Buckets } from '../../../src/store/buckets.js';
import { singleRedis } from '../../support/redis-under-test.js';
import { eventually } from '../../support/eventually.js';
import type { NestProcess } from '../../support/nest-application.js';
import type { Trail } from '../../support/trail.js';
import { useLedger } from '../../support/use-ledger.js';
import { useServers } from '../../support/use-servers.js';
import { recipe } from '../sql/recipes.js';
import { countRecords, recordsOf } from './records.js';
import { createSessions } from './sessions.js';

const WEB = { audit: { worker: false } };
const HELD = { code: 'ERR_SESSION_LEDGER_HELD' };
const MISMATCH = 'ERR_SESSION_LEDGER_MISMATCH';

describe('The ledger ID', () => {
  const fixture = useLedger();
  const other = useServers({ redis: () => singleRedis() });
  let trail: Trail;
  let app: NestProcess;

  beforeEach(async () => {
    trail = await fixture.open();
    app = await trail.start(WEB);
    await createSessions(app, 30);
    await app.audit.flush();
  });

  const kinds = async () => (await app.audit.incidents()).map(({ kind }) => kind);
  const forgetBinding = () =>
    fixture.redis.nodes[0]!.hdel(`${trail.prefix}:meta`, 'ledger', 'keyspace', 'schema');

  it('the first process binds the tables to its Redis, and later ones find them bound', async () => {
    const [ledger] = await trail.rows<{ id: string; keyspace: string }>(
      'SELECT id, keyspace, prefix, buckets FROM session_ledger',
    );

    expect(ledger).toMatchObject({ prefix: trail.prefix, buckets: 16 });
    expect(await fixture.redis.nodes[0]!.hgetall(`${trail.prefix}:meta`)).toMatchObject({
      ledger: ledger!.id,
      keyspace: ledger!.keyspace,
      schema: 'public',
    });
    await Promise.all([trail.start(WEB), trail.start(), trail.start()]);
    expect(await kinds()).toEqual(['bound']);
  });

  it('many processes that start on unbound tables at once bind them once', async () => {
    const fresh = await fixture.open();
    const started = await Promise.all(Array.from({ length: 5 }, () => fresh.start(WEB)));

    expect(await started[0]!.audit.incidents()).toMatchObject([{ kind: 'bound' }]);
    for (const each of started) await each.audit.flush();
  });

  it('a binding that a crash has left half done is completed by the next start', async () => {
    await trail.rows(`UPDATE session_ledger SET prefix = NULL, buckets = NULL, keyspace = NULL`);

    const next = await trail.start(WEB);
    await createSessions(next, 1);
    await next.audit.flush();
    expect(await countRecords(trail)).toEqual({ created: 31, destroyed: 0 });
  });

  describe('a process that belongs to something else is refused', () => {
    const refusals: [name: string, start: () => Promise<unknown>, says: () => RegExp][] = [
      [
        'a second module with another prefix and the same schema',
        () => trail.start({ prefix: 'staff' }),
        () => new RegExp(`prefix '${trail.prefix}'.* prefix is 'staff'.*audit.schema`),
      ],
      [
        'a module with the same prefix and other tables',
        async () => {
          const second = await fixture.open();
          return second.start({ prefix: trail.prefix });
        },
        () => /belong to the ledger .{36} \(schema public\).* are the ledger .{36}.*--from/,
      ],
      [
        'a module with another number of buckets',
        // Another server, where no process has noted the number of buckets yet.
        () => trail.start({ redis: other.redis.connection, buckets: 8 }),
        () => /in 16 buckets.*`buckets` is 8.*Set it to 16/,
      ],
      [
        'a worker with a copy of the database, on a Redis that belongs to the original',
        async () => {
          const copy = await fixture.open();
          await copy.rows(`UPDATE session_ledger SET id = gen_random_uuid()`);
          return copy.start({ prefix: trail.prefix });
        },
        () => /belong to the ledger/,
      ],
    ];

    it.each(refusals)('%s', async (_, start, says) => {
      const error = await start().then(
        () => null,
        (reason: unknown) => reason,
      );

      expect(error).toMatchObject({ code: MISMATCH, message: expect.stringMatching(says()) });
      expect(await countRecords(trail)).toEqual({ created: 30, destroyed: 0 });
    });
  });

  it('a refused process leaves one incident, however often it is restarted', async () => {
    for (let i = 0; i < 3; i += 1) {
      await expect(trail.start({ prefix: 'staff' })).rejects.toMatchObject({ code: MISMATCH });
    }
    const [refused, ...rest] = await app.audit.incidents();
    expect(refused).toMatchObject({ kind: 'binding-refused', details: { prefix: 'staff' } });
    expect(rest).toMatchObject([{ kind: 'bound' }]);
  });

  it("a module's name gives it a schema of its own", async () => {
    const { resolveOptions } = await import('../../../src/module/resolve-options.js');
    const options = { redis: 'redis://localhost', database: 'postgres://localhost/ledger' };
    expect(resolveOptions(options).audit.schema).toBe('public');
    expect(resolveOptions(options, 'back-office').audit.schema).toBe('session_back_office');
  });

  describe('a staging worker on the database of production', () => {
    it('records nothing: no session of production is declared lost, and its own work', async () => {
      const staging = await trail.start({ redis: other.redis.connection });
      const session = await staging.sessions.createSession({ userId: 'tester' });

      await expect(staging.audit.flush()).rejects.toMatchObject(HELD);
      await expect(staging.audit.reconcile({ acceptLosses: true })).rejects.toMatchObject(HELD);
      await eventually(async () => expect(await kinds()).toEqual(['held', 'bound']));
      expect(await staging.sessions.validateSession(session.id)).toEqual({ id: 'tester' });
      expect(await countRecords(trail)).toEqual({ created: 30, destroyed: 0 });
      await createSessions(app, 1);
      await app.audit.flush();
      expect(await countRecords(trail)).toEqual({ created: 31, destroyed: 0 });
    });
  });

  describe('a Redis that was emptied while the application runs', () => {
    beforeEach(async () => {
      const keys = await fixture.redis.nodes[0]!.keys(`${trail.prefix}*`);
      await fixture.redis.nodes[0]!.del(keys);
    });

    it('holds the ledger until an operator adopts it; then everything is recorded', async () => {
      const worker = await trail.start();
      const session = await app.sessions.createSession({ userId: 'late' });
      await eventually(async () => expect(await kinds()).toEqual(['held', 'bound']));
      expect(await app.audit.health()).toMatchObject({ binding: 'held', backlog: 1 });
      await expect(app.audit.reconcile({ acceptLosses: true })).rejects.toMatchObject(HELD);
      expect(await countRecords(trail)).toEqual({ created: 30, destroyed: 0 });

      expect(await app.audit.adopt()).toMatchObject({ adopted: true, missing: 30 });
      expect(await countRecords(trail)).toEqual({ created: 31, destroyed: 30 });
      expect(await recordsOf(trail, session.handle)).toMatchObject([{ event: 'created' }]);
      expect(await app.audit.health()).toMatchObject({ binding: 'bound' });
      expect(await app.audit.adopt()).toMatchObject({ adopted: false });
      await createSessions(app, 5);
      await eventually(async () =>
        expect(await countRecords(trail)).toEqual({ created: 36, destroyed: 30 }),
      );
      expect(await kinds()).toEqual([
        'sessions-lost',
        'losses-accepted',
        'adopted',
        'held',
        'bound',
      ]);
      expect(await worker.audit.verify()).toMatchObject({ valid: true });
    });

    describe('if the process that adopts it dies before it has compared', () => {
      beforeEach(async () => {
        const compare = jest.spyOn(Reconciler.prototype, 'runOnce');
        compare.mockRejectedValueOnce(new Error('killed'));
        await expect(app.audit.adopt()).rejects.toThrow('killed');
        expect(await countRecords(trail)).toEqual({ created: 30, destroyed: 0 });
      });

      it('a worker completes the adoption', async () => {
        await trail.rows(
          `UPDATE session_ledger SET audit_position = (audit_position::jsonb || '{"leaseUntil": 0}')::text`,
        );
        await trail.start();
        await eventually(async () =>
          expect(await countRecords(trail)).toEqual({ created: 30, destroyed: 30 }),
        );
        await eventually(async () =>
          expect(await trail.rows('SELECT audit_position FROM session_ledger')).toEqual([
            { audit_position: null },
          ]),
        );
      });

      it('the same command completes it, and does nothing the third time', async () => {
        expect(await app.audit.adopt()).toMatchObject({ adopted: false, missing: 30 });
        expect(await countRecords(trail)).toEqual({ created: 30, destroyed: 30 });
        expect(await app.audit.adopt()).toMatchObject({ adopted: false, checked: 0 });
      });
    });

    it('is no rollback, even if more was recorded in it than in the earlier one', async () => {
      const sessions = await createSessions(app, 200);
      await Promise.all(sessions.map(({ id }) => app.sessions.destroySession(id)));

      await app.audit.adopt();
      expect(await countRecords(trail)).toEqual({ created: 230, destroyed: 230 });
      const numbers = await trail.rows<{ count: string }>(
        'SELECT count(outbox_number)::int AS count FROM session_events',
      );
      // 30 of the earlier Redis, and in this one 400 and the ends of those 30.
      expect(numbers).toEqual([{ count: 460 }]);
      expect(await kinds()).not.toContain('rollback');
    });

    it('is adopted at once with emptyRedis: adopt, for development', async () => {
      await trail.start({ audit: { emptyRedis: 'adopt' } });

      await eventually(async () =>
        expect(await countRecords(trail)).toEqual({ created: 30, destroyed: 30 }),
      );
    });
  });

  it('a drain that has waited records nothing of a Redis that was emptied meanwhile', async () => {
    const holder = new Client({ connectionString: trail.databaseUrl });
    await holder.connect();
    await holder.query('BEGIN');
    await holder.query('SELECT 1 FROM session_chains FOR UPDATE');
    await createSessions(app, 30);
    const flush = app.audit.flush();
    const rejected = expect(flush).rejects.toMatchObject(HELD);
    await eventually(async () => {
      const sql = `SELECT 1 FROM pg_stat_activity WHERE query LIKE '%SKIP LOCKED%'
                   AND datname = current_database() AND pid <> pg_backend_pid()`;
      expect((await trail.rows(sql)).length).toBeGreaterThan(0);
    });
    await fixture.redis.nodes[0]!.del(await fixture.redis.nodes[0]!.keys(`${trail.prefix}*`));
    await createSessions(app, 30);
    await holder.end();

    await rejected;
    expect(await countRecords(trail)).toEqual({ created: 30, destroyed: 0 });
  });

  it('a process on the replaced Redis records nothing after another one was adopted', async () => {
    const moved = await trail.start({ ...WEB, redis: other.redis.connection });
    await moved.audit.adopt();

    await createSessions(app, 3);
    await expect(app.audit.flush()).rejects.toMatchObject({
      code: MISMATCH,
      message: expect.stringMatching(/another Redis than this one.*session-ledger adopt/),
    });
    expect(await app.audit.health()).toMatchObject({ binding: 'mismatch' });
    expect(await countRecords(trail)).toEqual({ created: 30, destroyed: 30 });
  });

  it('a process that checks the binding during an adoption waits for its end', async () => {
    await createSessions(app, 3);
    const adoption = new Client({ connectionString: trail.databaseUrl });
    await adoption.connect();
    await adoption.query('BEGIN');
    await adoption.query(`UPDATE session_ledger SET keyspace = 'the next'`);
    await fixture.redis.nodes[0]!.hset(`${trail.prefix}:meta`, 'keyspace', 'the next');
    const flush = app.audit.flush();
    await eventually(async () => {
      const sql = `SELECT 1 FROM pg_stat_activity
                   WHERE datname = current_database() AND wait_event_type = 'Lock'`;
      expect(await trail.rows(sql)).not.toEqual([]);
    });
    await adoption.query('COMMIT');
    await adoption.end();

    expect(await flush).toMatchObject({ recorded: 3 });
    expect(await kinds()).toEqual(['bound']);
  });

  it('a Redis that has lost nothing but its binding is adopted without a loss', async () => {
    await createSessions(app, 2);
    await forgetBinding();

    await expect(app.audit.flush()).rejects.toMatchObject(HELD);
    expect(await app.audit.adopt()).toMatchObject({ adopted: true, checked: 32, missing: 0 });
    expect(await countRecords(trail)).toEqual({ created: 32, destroyed: 0 });
    expect(await kinds()).toEqual(['losses-accepted', 'adopted', 'held', 'bound']);
  });

  it('sessions under a new prefix are adopted only if the operator names the old one', async () => {
    const client = fixture.redis.nodes[0]!;
    for (const key of await client.keys(`${trail.prefix}:*`)) {
      const value = await client.dumpBuffer(key);
      await client.restore(key.replace(trail.prefix, `moved-${trail.prefix}`), 0, value);
    }
    const database = new LedgerDatabase(trail.databaseUrl, {}, false);
    const buckets = new Buckets({
      client: app.buckets.client,
      prefix: `moved-${trail.prefix}`,
      count: 16,
      timeout: 5_000,
    });
    const audit = new SessionAudit(auditParts(buckets, database, ledgerSettings({})));

    await expect(audit.adopt()).rejects.toMatchObject({
      code: MISMATCH,
      message: expect.stringContaining(`--from-prefix ${trail.prefix}`),
    });
    expect(await audit.adopt({ fromPrefix: trail.prefix })).toMatchObject({ missing: 0 });
    await database.close();
  });

  it('only the ID of the earlier ledger lets another ledger take its Redis', async () => {
    const [{ id }] = (await trail.rows<{ id: string }>('SELECT id FROM session_ledger')) as [
      { id: string },
    ];
    // The tables are lost, and made anew.
    await trail.rows(`UPDATE session_ledger
      SET id = gen_random_uuid(), prefix = NULL, buckets = NULL, keyspace = NULL`);

    await expect(app.audit.adopt()).rejects.toMatchObject({ code: MISMATCH });
    await expect(
      app.audit.adopt({ from: '00000000-0000-0000-0000-000000000000' }),
    ).rejects.toMatchObject({ code: MISMATCH, message: expect.stringContaining(id) });
    expect(await app.audit.adopt({ from: id })).toMatchObject({ adopted: true });
  });
});

describe('The incidents', () => {
  const fixture = useLedger();

  it('a deleted row of session_ledger is reported by name', async () => {
    const trail = await fixture.open({ isForged: true });
    const app = await trail.start(WEB);
    await trail.rows('DELETE FROM session_ledger');

    await expect(app.audit.flush()).resolves.toMatchObject({ recorded: 0 });
    await createSessions(app, 1);
    await expect(app.audit.flush()).rejects.toMatchObject({ code: 'ERR_SESSION_LEDGER_DAMAGED' });
    expect(await app.audit.verify()).toMatchObject({
      valid: false,
      breaks: [{ chain: 'incidents', seq: '0', problem: 'head' }],
    });
    expect(await trail.rows(recipe('The incidents'))).toEqual([{ seq: '0', problem: 'head' }]);
  });

  it('a changed, removed or inserted incident is found, with and without our code', async () => {
    const trail = await fixture.open({ isForged: true });
    const app = await trail.start(WEB);
    for (const prefix of ['one', 'two', 'three']) {
      await expect(trail.start({ prefix })).rejects.toMatchObject({ code: MISMATCH });
    }
    const findings = async () => {
      const { breaks } = await app.audit.verify();
      const bySql = await trail.rows<{ seq: string; problem: string }>(recipe('The incidents'));
      const ours = breaks.map(({ seq, problem }) => ({ seq, problem }));
      expect(bySql).toEqual(ours);
      return ours;
    };
    const tamper = async (sql: string) => {
      await trail.rows(`BEGIN; SET LOCAL session_replication_role = replica; ${sql}; COMMIT`);
    };
    expect(await findings()).toEqual([]);

    await expect(trail.rows(`DELETE FROM session_incidents`)).rejects.toThrow('append-only');
    await tamper(`UPDATE session_incidents SET details = '{}' WHERE seq = 2`);
    expect(await findings()).toEqual([{ seq: '2', problem: 'hash' }]);
    await tamper(`DELETE FROM session_incidents WHERE seq = 2`);
    expect(await findings()).toEqual([{ seq: '3', problem: 'gap' }]);
    await tamper(`DELETE FROM session_incidents WHERE seq > 1`);
    expect(await findings()).toEqual([{ seq: '4', problem: 'head' }]);
  });
});
