import { describe, expect, jest, test } from '@jest/globals';

import { parseHandle } from '../../../src/store/session-id.js';
import { singleRedis } from '../../support/redis-under-test.js';
import { useRedis, type RedisFixture } from '../../support/use-redis.js';
import { invalidIds, seededRandom } from './invalid-ids.js';

jest.setTimeout(240_000); // usually takes seconds; a busy machine needs longer

const A_MILLION = 1_000_000;
const BATCH = 5_000;
/** 00 to 0f: the default of sixteen. */
const BUCKETS = new Set(Array.from({ length: 16 }, (_, n) => `0${n.toString(16)}`));

describe('a million invalid session IDs', () => {
  const fixture = useRedis(singleRedis);

  test('random and mutated IDs are never valid, and no malformed ID reaches Redis', async () => {
    const seed = Number(process.env.IDS_SEED ?? Date.now() % 2 ** 31);
    process.stderr.write(`a million session IDs: IDS_SEED=${seed}\n`);
    const { service } = fixture.open();
    const valid = await Promise.all(
      Array.from({ length: 50 }, (_, n) => service.createSession({ userId: `user ${n}` })),
    );
    const ids = invalidIds(
      valid.map(({ id }) => id),
      seededRandom(seed),
    );
    const before = await keysRead(fixture);
    let wellFormed = 0;
    for (let done = 0; done < A_MILLION; done += BATCH) {
      const batch = Array.from({ length: BATCH }, () => ids.next().value);
      const users = await Promise.all(batch.map((id) => service.validateSession(id)));
      expect(users.filter((user) => user !== null)).toEqual([]);
      wellFormed += batch.filter((id) => isWellFormed(id)).length;
    }
    expect((await keysRead(fixture)) - before).toBe(wellFormed);
    // Without enough IDs of both kinds, the test would prove little.
    expect(wellFormed).toBeGreaterThan(10_000);
    expect(wellFormed).toBeLessThan(A_MILLION / 5);
    for (const { id, userId } of valid) {
      expect(await service.validateSession(id)).toEqual({ id: userId });
    }
  });

  test('malformed IDs have no effect in any operation', async () => {
    const app = fixture.open();
    const { service } = app;
    const [ada] = await Promise.all([
      service.createSession({ userId: 'ada' }),
      service.createSession({ userId: 'bob' }),
    ]);
    const ids = invalidIds([ada!.id, ada!.handle], seededRandom(1));
    const malformed: string[] = [];
    while (malformed.length < 1000) {
      const { value } = ids.next();
      if (!isWellFormed(value) && !isWellFormed(`sid_${value}`)) malformed.push(value);
    }
    const before = await commandsRun(fixture);
    // Of the right shape, but with a bucket that doesn't exist here: an ID or a handle in the other's place.
    const refused = (error: unknown) => expect(error).toMatchObject({ code: 'ERR_SESSION_INPUT' });
    const notFound = { code: expect.stringMatching(/^ERR_SESSION_(NOT_FOUND|INPUT)$/) };
    for (const id of malformed) {
      expect(parseHandle(id, 16)).toBeNull();
      expect(await service.getSession(id)).toBeNull();
      expect(await service.findValidSession(id)).toBeNull();
      await service.destroySession(id).catch(refused);
      await service.destroySessionByHandle(id).catch(refused);
      await expect(service.rotateSession(id)).rejects.toMatchObject(notFound);
      await expect(service.updateSessionData(id, { a: 1 })).rejects.toMatchObject(notFound);
    }
    expect(await commandsRun(fixture)).toBe(before);
    expect(await service.validateSession(ada!.id)).toEqual({ id: 'ada' });
  });
});

/** Checks the documented format, with an algorithm that differs from the one in the source. */
function isWellFormed(id: string): boolean {
  const bucket = id.slice(4, 6);
  const random = id.slice(6);
  if (!id.startsWith('sid_')) return false;
  if (random.length !== 43 || !BUCKETS.has(bucket)) return false;
  const bytes = Buffer.from(random, 'base64url');
  return bytes.length === 32 && bytes.toString('base64url') === random;
}

/** How many keys Redis has looked up. */
async function keysRead({ redis }: RedisFixture): Promise<number> {
  const stats = await redis.nodes[0]!.info('stats');
  const count = (name: string) => Number(new RegExp(`${name}:(\\d+)`).exec(stats)![1]);
  return count('keyspace_hits') + count('keyspace_misses');
}

/** How many commands Redis has run, not counting INFO. */
async function commandsRun({ redis }: RedisFixture): Promise<number> {
  const stats = await redis.nodes[0]!.info('commandstats');
  const counts = [...stats.matchAll(/cmdstat_(\S+?):calls=(\d+)/g)];
  const others = counts.filter(([, name]) => name !== 'info');
  return others.reduce((sum, [, , calls]) => sum + Number(calls), 0);
}
