import { describe, expect, jest, test } from '@jest/globals';

import { parseHandle } from '../../../src/store/session-id.js';
import { singleRedis } from '../../support/redis-under-test.js';
import { useRedis, type Ground } from '../../support/use-redis.js';
import { madeUpIds, randomNumbers } from './made-up-ids.js';

jest.setTimeout(240_000); // for a busy machine; usually this takes seconds

const A_MILLION = 1_000_000;
const AT_ONCE = 5_000;
/** 00 to 0f: the sixteen of a usual application. */
const BUCKETS = new Set(Array.from({ length: 16 }, (_, n) => `0${n.toString(16)}`));

describe('a million random and mutated strings as session IDs', () => {
  const ground = useRedis(singleRedis);

  test('are null each, and none that is malformed reaches Redis', async () => {
    const seed = Number(process.env.IDS_SEED ?? Date.now() % 2 ** 31);
    process.stderr.write(`a million session IDs: IDS_SEED=${seed}\n`);
    const { service } = ground.open();
    const valid = await Promise.all(
      Array.from({ length: 50 }, (_, n) => service.createSession({ userId: `user ${n}` })),
    );
    const made = madeUpIds(
      valid.map(({ id }) => id),
      randomNumbers(seed),
    );
    const before = await keysRead(ground);
    let wellFormed = 0;
    for (let done = 0; done < A_MILLION; done += AT_ONCE) {
      const ids = Array.from({ length: AT_ONCE }, () => made.next().value);
      const users = await Promise.all(ids.map((id) => service.validateSession(id)));
      expect(users.filter((user) => user !== null)).toEqual([]);
      wellFormed += ids.filter((id) => isWellFormed(id)).length;
    }
    expect((await keysRead(ground)) - before).toBe(wellFormed);
    // The strings are of both kinds, else this would prove little.
    expect(wellFormed).toBeGreaterThan(10_000);
    expect(wellFormed).toBeLessThan(A_MILLION / 5);
    for (const { id, userId } of valid) {
      expect(await service.validateSession(id)).toEqual({ id: userId });
    }
  });

  test('do nothing in any other operation either', async () => {
    const app = ground.open();
    const { service } = app;
    const [ada] = await Promise.all([
      service.createSession({ userId: 'ada' }),
      service.createSession({ userId: 'bob' }),
    ]);
    const made = madeUpIds([ada!.id, ada!.handle], randomNumbers(1));
    const malformed: string[] = [];
    while (malformed.length < 1000) {
      const { value } = made.next();
      if (!isWellFormed(value)) malformed.push(value);
    }
    const before = await commandsOf(ground);
    const notFound = { code: 'ERR_SESSION_NOT_FOUND' };
    for (const id of malformed) {
      expect(parseHandle(id, 16)).toBeNull();
      expect(await service.getSession(id)).toBeNull();
      expect(await service.findValidSession(id)).toBeNull();
      await service.destroySession(id);
      await service.destroySessionByHandle(id);
      await expect(service.rotateSession(id)).rejects.toMatchObject(notFound);
      await expect(service.updateSessionData(id, { a: 1 })).rejects.toMatchObject(notFound);
    }
    expect(await commandsOf(ground)).toBe(before);
    expect(await service.validateSession(ada!.id)).toEqual({ id: 'ada' });
  });
});

/** As the format is documented, found out in another way than the source does. */
function isWellFormed(id: string): boolean {
  const bucket = id.slice(0, 2);
  const random = id.slice(2);
  if (random.length !== 43 || !BUCKETS.has(bucket)) return false;
  const bytes = Buffer.from(random, 'base64url');
  return bytes.length === 32 && bytes.toString('base64url') === random;
}

/** How many keys Redis was asked for. */
async function keysRead({ redis }: Ground): Promise<number> {
  const stats = await redis.nodes[0]!.info('stats');
  const count = (name: string) => Number(new RegExp(`${name}:(\\d+)`).exec(stats)![1]);
  return count('keyspace_hits') + count('keyspace_misses');
}

/** How many commands Redis has done, but for those that ask. */
async function commandsOf({ redis }: Ground): Promise<number> {
  const stats = await redis.nodes[0]!.info('commandstats');
  const counts = [...stats.matchAll(/cmdstat_(\S+?):calls=(\d+)/g)];
  const others = counts.filter(([, name]) => name !== 'info');
  return others.reduce((sum, [, , calls]) => sum + Number(calls), 0);
}
