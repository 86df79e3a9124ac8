import { describe, expect, test } from '@jest/globals';

import { KeyAudit } from '../../../src/store/key-audit.js';
import { parseHandle } from '../../../src/store/session-id.js';
import { eventually } from '../../support/eventually.js';
import { dumpKeys } from '../../support/key-dump.js';
import { useRedis } from '../../support/use-redis.js';

const BUCKETS = 2;
/** More than one page of an index. */
const MANY = 1_500;

describe('the audit of the keys', () => {
  const fixture = useRedis();
  const open = (options = {}) => {
    const app = fixture.open({ buckets: BUCKETS, ...options });
    return { ...app, keys: new KeyAudit(app.buckets) };
  };
  const createMany = async (
    { service }: ReturnType<typeof open>,
    userId: (n: number) => string,
  ) => {
    const sessions = await Promise.all(
      Array.from({ length: MANY }, (_, n) => service.createSession({ userId: userId(n) })),
    );
    return sessions.map(({ handle }) => parseHandle(handle, BUCKETS)!);
  };
  const sorted = (digests: Iterable<string>) => [...digests].toSorted();

  test('finding changes nothing, and a repair that is run twice changes nothing more', async () => {
    const app = open();
    const { handle, userId } = await app.service.createSession({ userId: 'ada' });
    const { bucket, digest } = parseHandle(handle, BUCKETS)!;
    const keys = app.buckets.keysOf(bucket);
    const whole = await dumpKeys(fixture.redis, app.prefix);
    await app.client.del(keys.expiryIndex);
    await app.client.del(keys.userSet(userId));
    const broken = await dumpKeys(fixture.redis, app.prefix);

    const found = await app.keys.checkSessions(bucket, 'find', [{ digest, userId }]);
    expect(found).toMatchObject([{ digest, userId, missingIn: 'both' }]);
    expect(await dumpKeys(fixture.redis, app.prefix)).toEqual(broken);
    expect(await app.keys.checkSessions(bucket, 'repair', [{ digest, userId }])).toEqual(found);
    expect(await app.keys.checkSessions(bucket, 'repair', [{ digest, userId }])).toEqual([]);
    expect(await dumpKeys(fixture.redis, app.prefix)).toEqual(whole);
  });

  test('a session is not added to the set of a user whose session it is not', async () => {
    const app = open({ buckets: 1 });
    const { handle } = await app.service.createSession({ userId: 'ada' });
    const session = { digest: parseHandle(handle, 1)!.digest, userId: 'eve' };
    const before = await dumpKeys(fixture.redis, app.prefix);
    expect(await app.keys.checkSessions(0, 'repair', [session])).toEqual([]);
    expect(await dumpKeys(fixture.redis, app.prefix)).toEqual(before);
  });

  test('a session that has expired and is not swept yet is not stale in its user set', async () => {
    const app = open({ buckets: 1 });
    const created = await app.service.createSession({ userId: 'ada', expires: 100 });
    const { digest } = parseHandle(created.handle, 1)!;
    await eventually(async () => expect(await app.service.getSession(created.id)).toBeNull());
    const stale = (sweptUntil: number) =>
      app.keys.checkUserSet(0, 'find', { userId: 'ada', digests: [digest], sweptUntil });
    expect(await stale(created.expiresAt.getTime() - 1)).toEqual([]);
    expect(await stale(created.expiresAt.getTime())).toEqual([digest]);
  });

  test('a cursor that another server gave begins the index again', async () => {
    const app = open({ buckets: 1 });
    const sessions = await createMany(app, (n) => `user ${n}`);
    const first = await app.keys.scanIndex(0);
    expect(first.cursor).not.toBe('0');
    const again = await app.keys.scanIndex(0, first.cursor, 'another server');
    expect(again).toEqual(first);
    expect(await app.keys.scanIndex(0, first.cursor, first.server)).not.toEqual(first);

    const found = new Set<string>();
    for await (const page of app.keys.indexPages(0)) {
      for (const { digest } of page) found.add(digest);
    }
    expect(sorted(found)).toEqual(sorted(sessions.map(({ digest }) => digest)));
  });

  test('the keys of all servers contain each record and each user, whatever their names', async () => {
    const prefix = 'a*[b]?\\c';
    const app = open({ prefix });
    const others = ['aXbYc', 'a', `${prefix}x`].map((name) => open({ prefix: name }));
    for (const { service } of others) await service.createSession({ userId: 'not ours' });
    const users = ['{0}', '*', 'line\u2028break', 'a:b', 'ü'];
    const sessions = await createMany(app, (n) => `${users[n % users.length]}${n}`);

    const [records, names] = [new Set<string>(), new Set<string>()];
    for (const server of app.keys.servers()) {
      let cursor = '0';
      do {
        const page = await app.keys.scanKeys(server, cursor);
        ({ cursor } = page);
        for (const digests of page.records.values()) digests.forEach((each) => records.add(each));
        for (const found of page.users.values()) found.forEach((each) => names.add(each));
      } while (cursor !== '0');
    }
    expect(sorted(records)).toEqual(sorted(sessions.map(({ digest }) => digest)));
    expect(names.size).toBe(MANY);
    expect(names).toContain('{0}0');
    expect(names).not.toContain('not ours');
  });
});
