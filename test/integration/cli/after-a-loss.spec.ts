import { describe, expect, it } from '@jest/globals';

import { ledgerDataSourceOptions } from '../../../src/index.js';
import { DataSource } from 'typeorm';
import { useOperator } from './use-operator.js';

/** The steps of docs/operations.md, 'After a loss', as an operator takes them. */
describe('after a loss', () => {
  const operator = useOperator();

  const signIn = (...users: string[]) =>
    Promise.all(users.map((userId) => operator.sessions.createSession({ userId })));
  const keys = () => operator.redis.keys(`${operator.env.SESSION_PREFIX}:*`);
  const kinds = async () => {
    const { stdout } = await operator.ledger('incidents', '--json');
    const { incidents } = JSON.parse(stdout) as { incidents: { kind: string }[] };
    return incidents.map(({ kind }) => kind);
  };
  const expectValid = async () => expect((await operator.ledger('verify')).code).toBe(0);

  it('an emptied Redis: the commands refuse to record, and adopt records what it means', async () => {
    await signIn('ann', 'ben');
    await operator.ledger('flush');
    await operator.redis.del(await keys());
    await signIn('cleo');

    for (const command of ['flush', 'reconcile']) {
      const { code, stderr } = await operator.ledger(command);
      expect(code).toBe(2);
      expect(stderr).toMatch(/is held.*session-ledger adopt/s);
    }
    const { code, stdout } = await operator.ledger('adopt');
    expect(code).toBe(0);
    expect(stdout).toMatch(/now continues the ledger .{36}\.\n.*recorded as lost: 2\./s);
    expect(await kinds()).toEqual(expect.arrayContaining(['sessions-lost', 'adopted', 'held']));
    expect((await operator.ledger('flush')).code).toBe(0);
    expect((await operator.ledger('adopt')).stdout).toMatch(/already. Nothing was changed/);
    await expectValid();
  });

  it('a restored Redis: what it forgot is made good by reconcile', async () => {
    const [ann] = await signIn('ann', 'ben');
    await operator.ledger('flush');
    const backup = await Promise.all(
      (await keys()).map(async (key) => ({ key, value: await operator.redis.dumpBuffer(key) })),
    );
    await operator.sessions.destroySession(ann!.id);
    await signIn('cleo');
    await operator.ledger('flush');
    await operator.redis.del(await keys());
    for (const { key, value } of backup) await operator.redis.restore(key, 0, value);
    expect(await operator.sessions.validateSession(ann!.id)).not.toBeNull();

    await operator.ledger('reconcile', '--accept-losses');
    expect(await operator.sessions.validateSession(ann!.id)).toBeNull();
    expect(await kinds()).toEqual(expect.arrayContaining(['rollback', 'session-returned']));
    expect((await operator.ledger('reconcile')).code).toBe(0);
    await expectValid();
  });

  it('a Redis that moved with its data: nothing to do', async () => {
    await signIn('ann');
    await operator.ledger('flush');
    const before = await kinds();
    // All keys as a copied RDB file has them.
    for (const key of await keys()) {
      const value = await operator.redis.dumpBuffer(key);
      await operator.redis.restore(key, 0, value, 'REPLACE');
    }
    await signIn('ben');

    expect((await operator.ledger('flush')).stdout).toBe('Recorded 1 event.\n');
    expect(await kinds()).toEqual(before);
  });

  it('a restored Postgres: what it forgot is recorded from Redis', async () => {
    await signIn('ann');
    await operator.ledger('flush');
    const tables = ['sessions', 'session_events', 'session_chains'];
    for (const name of tables) {
      await operator.client.query(`CREATE TABLE saved_${name} AS SELECT * FROM ${name}`);
    }
    await signIn('ben', 'cleo');
    await operator.ledger('flush');
    await operator.client.query('SET session_replication_role = replica');
    await operator.client.query(`TRUNCATE ${tables.join(', ')}`);
    for (const name of tables) {
      await operator.client.query(
        `INSERT INTO ${name} OVERRIDING SYSTEM VALUE SELECT * FROM saved_${name}`,
      );
    }

    expect((await operator.ledger('reconcile')).code).toBe(1); // it found something
    expect((await operator.ledger('reconcile')).code).toBe(0);
    const { rows } = await operator.client.query(
      `SELECT user_id, reason FROM session_events ORDER BY user_id`,
    );
    expect(rows).toEqual([
      { user_id: 'ann', reason: null },
      { user_id: 'ben', reason: 'recovered' },
      { user_id: 'cleo', reason: 'recovered' },
    ]);
    expect(await kinds()).toContain('number-gap');
    await expectValid();
  });

  it('lost tables: new ones take Redis over by the ID of the old ledger', async () => {
    await signIn('ann');
    const { rows } = await operator.client.query<{ id: string }>('SELECT id FROM session_ledger');
    await operator.client.query('DROP SCHEMA public CASCADE; CREATE SCHEMA public');
    const url = operator.env.DATABASE_URL!;
    const dataSource = await new DataSource(ledgerDataSourceOptions(url)).initialize();
    await dataSource.runMigrations();
    await dataSource.destroy();

    const refused = await operator.ledger('flush');
    expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining(rows[0]!.id) });
    expect((await operator.ledger('adopt')).code).toBe(2);
    expect((await operator.ledger('adopt', '--from', 'ann')).stderr).toMatch(/use the ID/);
    expect((await operator.ledger('adopt', '--from', rows[0]!.id)).code).toBe(0);
    expect((await operator.ledger('flush')).code).toBe(0);
    await expectValid();
  });

  it('incidents are listed in pages, newest first', async () => {
    await signIn('ann');
    await operator.ledger('flush');
    await operator.redis.del(await keys());
    await operator.ledger('flush');
    await operator.ledger('adopt');

    const all = JSON.parse((await operator.ledger('incidents', '--json')).stdout) as {
      incidents: { seq: string }[];
    };
    const [first] = all.incidents;
    const page = await operator.ledger('incidents', '--limit', '1');
    expect(page.stdout).toContain(`--before ${first!.seq}`);
    const next = await operator.ledger('incidents', '--before', first!.seq, '--json');
    expect(JSON.parse(next.stdout)).toMatchObject({ incidents: all.incidents.slice(1) });
    expect((await operator.ledger('incidents', '--before', 'x')).code).toBe(2);
  });
});
