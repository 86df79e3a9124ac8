import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Client } from 'pg';

import { startPostgres, type PrivatePostgres } from '../../../dev/index.js';
import { runCommand } from './use-operator.js';

const FIRST = 'CreateSessionLedger1795000000000';
const SECOND = 'AddLedgerId1796000000000';
const THIRD = 'LeastPrivilege1797000000000';

describe('session-ledger migrate, revert and status', () => {
  const folder = mkdtempSync(join(tmpdir(), 'session-ledger-tables-'));
  let postgres: PrivatePostgres;
  let client: Client;
  let database = '';
  let databases = 0;

  beforeAll(async () => {
    postgres = await startPostgres();
  });
  beforeEach(async () => {
    database = await postgres.createDatabase(`tables${(databases += 1)}`);
    client = new Client({ connectionString: database });
    await client.connect();
  });
  afterEach(() => client.end());
  afterAll(async () => {
    await postgres.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const ledgerWith = (env: NodeJS.ProcessEnv, ...args: string[]) =>
    runCommand({ DATABASE_URL: database, ...env }, false, args);
  const ledger = (...args: string[]) => ledgerWith({}, ...args);

  const configFile = (content: string) => {
    const file = join(folder, 'session-ledger.json');
    writeFileSync(file, content);
    return file;
  };

  /** The tables of a schema, without the months of the partitioned ones. */
  async function tablesOf(schema = 'public'): Promise<string[]> {
    const { rows } = await client.query<{ relname: string }>(
      `SELECT relname FROM pg_class WHERE relnamespace = to_regnamespace($1)
       AND relkind IN ('r', 'p') AND NOT relispartition ORDER BY relname`,
      [schema],
    );
    return rows.map(({ relname }) => relname);
  }

  async function userIdType(schema = 'public'): Promise<string> {
    const { rows } = await client.query<{ type: string }>(
      `SELECT format_type(atttypid, atttypmod) AS type FROM pg_attribute
       WHERE attrelid = to_regclass($1) AND attname = 'user_id'`,
      [`${schema}.sessions`],
    );
    return rows[0]!.type;
  }

  it('migrate creates the tables, and a second time changes nothing', async () => {
    const created = await ledger('migrate');
    const repeated = await ledger('migrate', '--json');

    expect(created).toEqual({
      code: 0,
      stdout: `Applied ${FIRST}.\nApplied ${SECOND}.\nApplied ${THIRD}.\nThe audit tables are ready.\n`,
      stderr: '',
    });
    expect(JSON.parse(repeated.stdout)).toEqual({ applied: [] });
    expect(await tablesOf()).toEqual(expect.arrayContaining(['session_events', 'sessions']));
    expect(await ledger('verify')).toMatchObject({ code: 0 });
  });

  it('status fails until all migrations are applied, and creates nothing', async () => {
    const before = await ledger('status');
    expect(await tablesOf()).toEqual([]);
    await ledger('migrate');
    const after = await ledger('status', '--json');

    expect(before).toMatchObject({ code: 1, stdout: expect.stringContaining(`pending  ${FIRST}`) });
    expect(before.stdout).toContain('3 migrations to apply: run session-ledger migrate.');
    expect(after.code).toBe(0);
    expect(JSON.parse(after.stdout)).toEqual({
      applied: [FIRST, SECOND, THIRD],
      pending: [],
      unknown: [],
    });
  });

  it('revert changes nothing without --yes, and says what it would undo', async () => {
    await ledger('migrate');
    const tables = await tablesOf();

    const { code, stderr } = await ledger('revert', '--all');

    expect(code).toBe(2);
    expect(stderr).toContain(`This would undo ${THIRD} and ${SECOND} and ${FIRST}`);
    expect(stderr).toContain('add --yes');
    expect(await tablesOf()).toEqual(tables);
  });

  it('revert --yes undoes the newest migration, and --all the others too', async () => {
    await ledger('migrate');

    expect(await ledger('revert', '--yes')).toMatchObject({
      code: 0,
      stdout: `Undid ${THIRD}.\n`,
    });
    expect(await ledger('revert', '--yes')).toMatchObject({ stdout: `Undid ${SECOND}.\n` });
    expect(await tablesOf()).not.toContain('session_incidents');
    expect(await ledger('status')).toMatchObject({ code: 1 });
    expect(await ledger('migrate')).toMatchObject({ code: 0 });

    expect(await ledger('revert', '--all', '--yes')).toMatchObject({
      code: 0,
      stdout: `Undid ${THIRD}.\nUndid ${SECOND}.\nUndid ${FIRST}.\n`,
    });
    expect(await tablesOf()).toEqual(['session_ledger_migrations']);
    expect(await ledger('revert', '--yes')).toMatchObject({
      code: 0,
      stdout: 'There was no migration to undo.\n',
    });
  });

  it('of two reverts at once, one undoes the newest migration and the other nothing', async () => {
    await ledger('migrate');

    const both = await Promise.all([1, 2].map(() => ledger('revert', '--yes', '--json')));

    const reverted = both.flatMap(
      ({ stdout }) => (JSON.parse(stdout) as { reverted: string[] }).reverted,
    );
    expect(reverted.filter((name) => name === THIRD)).toEqual([THIRD]);
    expect(both.map(({ code }) => code)).toEqual([0, 0]);
  });

  it('several migrations at once create the tables once', async () => {
    const all = await Promise.all([1, 2, 3].map(() => ledger('migrate', '--json')));

    const applied = all.flatMap(
      ({ stdout }) => (JSON.parse(stdout) as { applied: string[] }).applied,
    );
    expect(applied).toEqual([FIRST, SECOND, THIRD]);
  });

  it('takes the layout from flags, then from the environment, then from the file', async () => {
    await client.query('CREATE TABLE public.people (key uuid PRIMARY KEY)');
    const config = configFile('{ "schema": "from_file", "userId": { "type": "uuid" } }');
    const common = ['--config', config, '--users-table', 'public.people', '--users-column', 'key'];

    await ledgerWith({}, 'migrate', ...common);
    await ledgerWith({ LEDGER_SCHEMA: 'from_env' }, 'migrate', ...common);
    await ledgerWith({ LEDGER_SCHEMA: 'from_env' }, 'migrate', ...common, '--schema', 'from_flag');

    for (const schema of ['from_file', 'from_env', 'from_flag']) {
      expect(await userIdType(schema)).toBe('uuid');
    }
    const { rows } = await client.query(
      `SELECT DISTINCT confrelid::regclass::text AS users FROM pg_constraint
       WHERE contype = 'f' AND conrelid = 'from_flag.sessions'::regclass AND conparentid = 0`,
    );
    expect(rows).toEqual([{ users: 'people' }]);
    expect(await ledger('verify', '--config', config)).toMatchObject({ code: 0 });
  });

  it('takes an empty variable as not set', async () => {
    const config = configFile('{ "schema": "from_file" }');
    await ledgerWith({ LEDGER_SCHEMA: '' }, 'migrate', '--config', config);
    expect(await tablesOf('from_file')).toContain('sessions');
  });

  it('says what to do if the schema has a table sessions of the application', async () => {
    await client.query('CREATE TABLE sessions (id int)');

    const { code, stderr } = await ledger('migrate');

    expect(code).toBe(2);
    expect(stderr).toMatch(/"sessions" already exists.*--schema session_ledger.*audit\.schema/);
    expect(await ledger('migrate', '--schema', 'session_ledger')).toMatchObject({ code: 0 });
  });

  it('says what to do if the role may not create tables', async () => {
    await client.query('CREATE ROLE reader LOGIN');
    const url = Object.assign(new URL(database), { username: 'reader' });

    const { code, stderr } = await ledgerWith({ DATABASE_URL: url.href }, 'migrate');

    expect(code).toBe(2);
    expect(stderr).toMatch(/permission denied.*Use a role that owns/);
  });

  it('changes nothing in tables of a newer version, and status names its migrations', async () => {
    await ledger('migrate');
    await client.query(
      `INSERT INTO session_ledger_migrations (timestamp, name) VALUES (9999999999999, 'FromTheFuture')`,
    );

    expect(await ledger('revert', '--yes')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('FromTheFuture'),
    });
    expect(await ledger('migrate')).toMatchObject({ code: 0 });
    expect((await ledger('status')).stdout).toContain('unknown  FromTheFuture');
  });

  it.each([
    [['migrate', '--schema', 'a"b'], '--schema is "a\\"b"; use a plain SQL identifier'],
    [['migrate', '--user-id-type', 'number'], '--user-id-type is "number"; use \'text\''],
    [['status', '--users-table', 'app.us ers'], '--users-table is "app.us ers"; use a plain SQL'],
    [['status', '--config', '/nowhere.json'], '--config is "/nowhere.json": ENOENT'],
  ])('exits with 2 and says what to fix: %j', async (args, message) => {
    expect(await ledger(...args)).toEqual({
      code: 2,
      stdout: '',
      stderr: expect.stringContaining(message),
    });
  });

  it.each([
    ['{ "schemas": "x" }', 'schemas is "x"; use only schema, userId.type'],
    ['{ "userId": "uuid" }', 'userId is "uuid"; use only schema, userId.type'],
    ['{ "schema": ["x"] }', 'schema is ["x"]'],
    ['[]', 'its content must be a JSON object'],
    ['{', 'JSON'],
  ])('rejects the file %s and says what is wrong', async (content, message) => {
    const { code, stderr } = await ledger('status', '--config', configFile(content));
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining(message) });
  });
});
